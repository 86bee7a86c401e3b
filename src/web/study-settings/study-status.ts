import type { ResearchStudy } from '@medplum/fhirtypes'
import { withValues } from '../../fhir/with-values.ts'
import { statusName, studyStatuses } from '../../studies/definition/study-status.ts'
import { missingForPatients } from '../../studies/definition/study-text.ts'
import type { AddPage } from '../page/add-page.ts'
import { radioField } from '../page/choice-field.ts'
import { problemList } from '../page/form.ts'
import type { Html } from '../page/html.ts'
import { keepsTyped } from '../page/keeps-typed.ts'
import { nowItSays } from '../page/said-meanwhile.ts'
import { requireSession } from '../page/signed-in.ts'
import { typed } from '../page/typed.ts'
import { changing, notSaved, type OfStudy, sendChangePage, studyOf } from './study-changing.ts'

type Status = NonNullable<ResearchStudy['status']>

/** Whether a study is in preparation, running, or over. */
export const studyStatusPage: AddPage = (server, options) => {
  const onRequest = requireSession
  const at = '/studies/:id/settings/status'
  const title = 'Status'
  const statusField = (value: string, problem?: string, hint?: Html) => ({
    name: 'status',
    label: 'Status of the study',
    value,
    problem,
    ...(hint !== undefined && { hint }),
    choices: Object.entries(studyStatuses).map(([code, { name, means }]) => ({
      value: code,
      label: `${name}: ${means}`,
    })),
  })
  server.get<OfStudy>(at, { onRequest }, async (request, reply) => {
    const changeable = await studyOf(request, options, 'mayChange')
    return sendChangePage(reply, changeable, {
      title,
      fields: [radioField(statusField(changeable.study.status ?? ''))],
    })
  })
  server.post<OfStudy>(at, keepsTyped(options), async (request, reply) => {
    const changeable = await studyOf(request, options, 'mayChange')
    const status = typed(request.body, 'status')
    const problem = problemOf(status, changeable.study)
    if (problem !== undefined) {
      const asked = statusField(status, problem)
      const page = { title, notices: problemList([asked]), fields: [radioField(asked)] }
      return sendChangePage(reply.code(422), changeable, page)
    }
    const outcome = await changing(request, options, changeable, study =>
      withValues(study, { status: status as Status }),
    )
    // Somebody else may have chosen the same.
    if (outcome.kind === 'changed' || outcome.now.study.status === status)
      return reply.redirect(`/studies/${changeable.id}/settings?done=status`, 303)
    const asked = statusField(status, undefined, nowItSays(statusName(outcome.now.study)))
    return sendChangePage(reply.code(409), outcome.now, { title, notices: notSaved, fields: [radioField(asked)] })
  })

  /** A study that is running already is not stopped by this. */
  const problemOf = (status: string, study: ResearchStudy): string | undefined => {
    if (!Object.hasOwn(studyStatuses, status)) return 'Choose a status'
    const missing =
      status === 'active' && study.status !== 'active' ? missingForPatients(study, options.codeClasses) : []
    return missing.length === 0
      ? undefined
      : `Patients cannot be asked yet. The study still needs: ${missing.map(({ what }) => what).join(', ')}`
  }
}
