import type { ResourceType } from '@medplum/fhirtypes'
import { type Action, all, and, type Expression, none, or, type Principal } from '../search/expression.ts'
import type { Access } from './access.ts'
import { isDefinition } from './definition-type.ts'
import type { ParseCriteria } from './scope-criteria.ts'

/** What an app has that took up an invitation by itself: whoever holds it may be anybody who came by the message. */
export type Unproven = {
  /** When the invitation was taken up, as an instant. */
  readonly since: string
  /** Ids of the ResearchStudy that the invitation is for, and of its Organization. */
  readonly study: string
  readonly organization: string
  /** Whether the Patient has an account, or is one with another who was registered elsewhere: whoever holds the app then is to say so there first. */
  readonly isHeld?: boolean
}

/**
 * What is let through until somebody has shown that the app is the patient's: nothing that is older than the moment at which it
 * took the invitation up, be it measured or stored before. Of a type that has no row here, nothing.
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

/** What was stored since, also as a version. */
const stored = (type: ResourceType, { since, parseCriteria }: Asked): Expression =>
  parseCriteria(type, `_lastUpdated=ge${since}`)

const ruleByType: Readonly<Partial<Record<ResourceType, (asked: Asked) => Expression>>> = {
  // What the app sends may be older: it has measured that before.
  Observation: asked =>
    asked.action === 'c'
      ? all
      : and(
          asked.parseCriteria('Observation', `date=sa${asked.since}`),
          stored('Observation', asked),
          asked.isHeld === true ? { kind: 'created', by: asked.principal } : all,
        ),
  // What is asked can be answered; an answer that was there before is neither told nor changed, and what the patient has answered since, being signed in, is seen and stays.
  Consent: asked => {
    const { action, study, since: from, principal, parseCriteria } = asked
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
