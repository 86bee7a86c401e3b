import { tellColleague } from '../../accounts/staff/colleague-news.ts'
import { FhirError } from '../../fhir/error.ts'
import { queryOf } from '../../http/fhir/presentation.ts'
import type { ChangeableStudy } from '../../studies/definition/study-change.ts'
import { type NewStaff, staffOf, staffProblems, withStaff } from '../../studies/definition/study-staff.ts'
import { titleOf } from '../../studies/definition/study-title.ts'
import type { AddPage } from '../page/add-page.ts'
import { keepsTyped } from '../page/keeps-typed.ts'
import { requireSession } from '../page/signed-in.ts'
import { lookedFor, typed } from '../page/typed.ts'
import { typedStaff } from './staff-fields.ts'
import { changing, justDone, notSaved, type OfStudy, studyOf } from './study-changing.ts'
import { sendStaffList, staffAddress } from './study-staff-list.ts'

/** Who works in a study, in which role and when: all of them, with a form to add another. */
export const studyStaffPage: AddPage = (server, options) => {
  const onRequest = requireSession
  const at = '/studies/:id/settings/staff'

  server.get<OfStudy>(at, { onRequest }, async (request, reply) => {
    const name = lookedFor(queryOf(request), 'name')
    return sendStaffList(options, reply, await studyOf(request, options, 'either'), name, {
      done: justDone(request),
    })
  })
  server.post<OfStudy>(at, keepsTyped(options), async (request, reply) => {
    const changeable = await studyOf(request, options, 'mayNameStaff')
    const { body } = request
    const code = typed(body, 'code').trim()
    const staff = typedStaff(body, code === '' ? typed(body, 'practitioner') : code)
    const name = typed(body, 'name')
    const problems = { ...staffProblems(staff), ...whoProblems(staff, changeable) }
    if (Object.keys(problems).length > 0)
      return sendStaffList(options, reply.code(422), changeable, name, { staff, code, problems })
    const index = changeable.study.extension?.length ?? 0
    const outcome = await refusable(index, () =>
      changing(request, options, changeable, study => withStaff(study, staff)),
    )
    if (outcome.kind === 'refused') {
      const refused = { practitioner: outcome.why }
      return sendStaffList(options, reply.code(422), changeable, name, { staff, code, problems: refused })
    }
    if (outcome.kind === 'conflict')
      return sendStaffList(options, reply.code(409), outcome.now, name, { staff, code, notices: notSaved })
    const news = { kind: 'staff-named', name: titleOf(changeable.study) } as const
    await tellColleague(options.accounts, staff.practitioner, news)
    return reply.redirect(`${staffAddress(changeable)}?done=named`, 303)
  })
}

/** What the rules refuse beyond earlier checks; `index`: of the entry among the extensions of the study. */
export const refusable = async <T>(
  index: number,
  run: () => Promise<T>,
): Promise<T | { readonly kind: 'refused'; readonly why: string }> => {
  try {
    return await run()
  } catch (error) {
    if (!(error instanceof FhirError) || error.status !== 422) throw error
    return { kind: 'refused', why: wordsOf(error, index) }
  }
}

/** Somebody who does not exist and somebody hidden are the same, as they are for the rules. */
const wordsOf = ({ issues, message }: FhirError, index: number): string => {
  if (issues.some(({ expression = '' }) => expression.startsWith(`ResearchStudy.extension[${index}].`))) return unknown
  return issues[0].expression === 'ResearchStudy.extension' ? newRecipient : message
}

const unknown =
  'No member of staff with this code is known here, as far as you can see: find a colleague by name and choose them, or enter the code shown on their own Studies page'

const newRecipient =
  'Patients consented before this person was named. If this is the right person, and the code is not mistyped, they work elsewhere: first say on the page of the text who receives what is shared by it'

const whoProblems = ({ practitioner }: NewStaff, { study, caller }: ChangeableStudy) => {
  if (!/^[A-Za-z0-9.-]{1,64}$/.test(practitioner))
    return { practitioner: 'Find a colleague and choose them, or enter a code' }
  if (practitioner === caller.practitioner)
    return { practitioner: 'Somebody else has to add you: nobody can add themselves' }
  const isNamed = staffOf(study).some(one => one.practitioner === practitioner && one.isInForce)
  return isNamed ? { practitioner: 'They already work in the study' } : {}
}
