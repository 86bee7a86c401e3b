import type { ResearchStudy, ResearchSubject } from '@medplum/fhirtypes'
import { namedId } from '../../fhir/reference.ts'
import { tellCount } from './book.ts'
import { requested } from './cast.ts'
import type { FhirClient } from './fhir-client.ts'
import { askOnce, nameOf, type Play, participant, type Stage, sharedWith, status, total } from './stage.ts'
import { scopes } from './tokens.ts'
import { toBundle } from './upload.ts'
import type { Enrolled } from './world.ts'

/** How today's apps of the JupyterHealth Exchange get from the letter to the data without a browser. */
export const takesUp: Play = async stage => {
  const { book, signIn, world } = stage
  book.chapter('An app of today takes up an invitation by itself')
  const sami = participant(stage, 'Sami')
  const { token } = await signIn.invited(await subjectOf(stage, sami), sami.patient, world.ids.studies.shifts)
  const first = await takeUp(stage, token)
  const api = signIn.at('/api/v1', first)
  await askOnce(stage, api, who, 'users/profile', { read: (_, body) => body.patient.id, wanted: sami.patient })
  await answer(stage, sami, api)
  await upload(stage, sami, first)
  await askOnce(stage, signIn.at('/fhir', first), who, 'Observation?_summary=count', {
    read: total,
    wanted: 0,
    told: got => `${got}: nothing that is older than the moment it came, until Sami says that the app is his`,
  })
  await takeUp(stage, token)
  await askOnce(stage, api, `${who}, with the token of the first time`, 'users/profile', { read: status, wanted: 401 })
  await readAsNotebook(stage)
}

const who = 'Sami’s app'

const subjectOf = async ({ signIn }: Stage, { patient }: Enrolled): Promise<string> => {
  const recruiter = await signIn.colleague('recruiter', scopes.read)
  const { body } = await recruiter.get(`ResearchSubject?individual=Patient/${patient}`)
  return (body.entry[0].resource as ResearchSubject).id ?? ''
}

/** Answers the access token. */
const takeUp = async ({ book, signIn }: Stage, token: string): Promise<string> => {
  const { status, body, durationMs } = await signIn.at('/api/v1', '').post({}, `invitation/${token}`)
  const code_verifier = Buffer.from(token).toString('base64url')
  const answer = await fetch(body.token_endpoint, {
    method: 'POST',
    body: new URLSearchParams({ ...body.grant, code_verifier }),
  })
  book.expect({
    who,
    asked: 'POST /api/v1/invitation/[token], then the grant to the token endpoint',
    got: [status, answer.status],
    wanted: [200, 200],
    durationMs,
  })
  return ((await answer.json()) as { access_token: string }).access_token
}

type Code = { readonly code: { readonly codingSystem: string; readonly codingCode: string } }

/** Agrees to everything that the studies ask for. */
const answer = async (stage: Stage, { patient }: Enrolled, api: FhirClient): Promise<void> => {
  const path = `patients/${patient}/consents`
  const { body } = await api.get(path)
  const [pending] = body.studiesPendingConsent
  const codes: readonly Code[] = pending.pendingScopeConsents
  const scopeConsents = codes.map(({ code }) => ({ ...code, consented: true }))
  const { status } = await api.post({ studyScopeConsents: [{ studyId: pending.id, scopeConsents }] }, path)
  stage.book.expect({
    who,
    asked: `POST /api/v1/patients/[id]/consents: yes to ${codes.map(({ code }) => code.codingCode).join(', ')}`,
    got: [status, codes.length],
    wanted: [201, requested.shifts.length],
  })
}

const upload = async ({ book, signIn, readings }: Stage, sami: Enrolled, token: string): Promise<void> => {
  const asked = new Set(requested.shifts.map(({ measure }) => measure))
  const day = (readings.get(sami.person)?.[3] ?? []).filter(({ measure }) => asked.has(measure))
  const { body, durationMs } = await signIn.at('/FHIR/R5', token).post(toBundle(sami, day))
  const created = body.entry.filter(({ response }: { response: { status: string } }) => /^201/.test(response.status))
  book.expect({
    who,
    asked: `POST /FHIR/R5/: a day of ${day.length} Observations`,
    got: created.length,
    wanted: day.length,
    durationMs,
  })
}

/** What Sami sent was measured before he agreed, so nobody in the study reads it. */
const readAsNotebook = async (stage: Stage): Promise<void> => {
  const { signIn, world } = stage
  const analyst = await signIn.colleague('analyst', scopes.read)
  const { body: study }: { readonly body: ResearchStudy } = await analyst.get(
    `ResearchStudy/${world.ids.studies.shifts}`,
  )
  const group = namedId(study.enrollment?.[0], 'Group') ?? ''
  const notebook = signIn.at('/api/v1', analyst.token)
  await askOnce(
    stage,
    notebook,
    `${nameOf('analyst')}, from a notebook of today`,
    `observations?study_id=${group}&page_size=1`,
    {
      read: (_, body) => body.count,
      wanted: sharedWith(stage, 'shifts', 'all').count,
      told: count => `${tellCount(count)} Observations`,
    },
  )
}
