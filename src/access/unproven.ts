import type { ResourceType } from '@medplum/fhirtypes'
import { type Action, all, and, type Expression, none, or, type Principal } from '../search/expression.ts'
import type { Access } from './access.ts'
import { isDefinition } from './definition-type.ts'
import type { ParseCriteria } from './scope-criteria.ts'

/** What is known of an app that took up an invitation by itself. Anybody who came across the message may be holding it. */
export type Unproven = {
  /** When the invitation was taken up, as an instant. */
  readonly since: string
  /** Ids of the ResearchStudy that the invitation is for, and of its Organization. */
  readonly study: string
  readonly organization: string
  /** Whether the Patient has an account, or was joined with a record elsewhere: then they first confirm the app there. */
  readonly isHeld?: boolean
}

/**
 * What such an app is let through to until somebody has confirmed that it is the patient's: nothing that was measured or stored before
 * it took up the invitation, and nothing of a type without a row in the table below.
 */
export const unprovenAccess =
  (unproven: Unproven, principal: Principal, parseCriteria: ParseCriteria): Access =>
  (action, type) =>
    isDefinition(type)
      ? readable(action)
      : (ruleByType[type]?.({ ...unproven, principal, action, parseCriteria }) ?? none)

type Asked = Unproven & {
  readonly principal: Principal
  readonly action: Action
  readonly parseCriteria: ParseCriteria
}

const readable = (action: Action): Expression => (action === 'r' || action === 's' ? all : none)

/** What was stored or changed since. */
const stored = (type: ResourceType, { since, parseCriteria }: Asked): Expression =>
  parseCriteria(type, `_lastUpdated=ge${since}`)

const ruleByType: Readonly<Partial<Record<ResourceType, (asked: Asked) => Expression>>> = {
  // The app may send older data, which it measured earlier.
  Observation: asked =>
    asked.action === 'c'
      ? all
      : and(
          asked.parseCriteria('Observation', `date=sa${asked.since}`),
          stored('Observation', asked),
          asked.isHeld === true ? { kind: 'created', by: asked.principal } : all,
        ),
  // It sees and answers what is asked. An earlier answer it neither sees nor changes; what the patient has answered since, signed in, it sees but cannot change.
  Consent: asked => {
    const { action, study, since: from, parseCriteria } = asked
    // Any such app of the patient may go on with what another of them has answered.
    const principal = { kind: asked.principal.kind, id: asked.principal.id }
    if (asked.isHeld === true && readable(action) === none) return none
    const ofStudy = parseCriteria('Consent', `study=ResearchStudy/${study}`)
    if (action === 'c') return and(ofStudy, { kind: 'unanswered', study, since: from, but: principal })
    const since = stored('Consent', asked)
    const own = readable(action) === all ? since : and(since, { kind: 'created', by: principal })
    return and(ofStudy, or(parseCriteria('Consent', 'status=proposed'), own))
  },
  ResearchStudy: ({ action, study }) => and(readable(action), { kind: 'identified', ids: [study] }),
  Organization: ({ action, organization }) => and(readable(action), { kind: 'identified', ids: [organization] }),
  Device: ({ action }) => and(readable(action), { kind: 'source-device' }),
}
