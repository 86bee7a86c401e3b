import type { ContactPoint } from '@medplum/fhirtypes'
import { without, withValues } from '../../fhir/with-values.ts'
import { emailProblem } from '../sign-up/email.ts'
import { hasInvisible, invisibleTold } from './invisible.ts'
import { isPhoneNumber } from './phone-number.ts'

/** How an Organization or a Practitioner is reached at work, as it is typed; empty if there is nothing of it. */
export type Reach = Readonly<Record<ReachSystem, string>>

const reachSystems = ['phone', 'email', 'url'] as const
type ReachSystem = (typeof reachSystems)[number]

export type ReachProblems = Readonly<Partial<Record<ReachSystem, string>>>

type Reached = { readonly telecom?: ContactPoint[] }

/** The first present one of each, which is the one that is changed. */
export const reachOf = ({ telecom = [] }: Reached): Reach => {
  const first = (system: ReachSystem) => telecom.find(isPresent(system))?.value ?? ''
  return { phone: first('phone'), email: first('email'), url: first('url') }
}

/** All that are present, in their order. */
export const presentContacts = ({ telecom = [] }: Reached): readonly string[] =>
  telecom.flatMap(one =>
    one.value !== undefined && reachSystems.some(system => isPresent(system)(one)) ? [one.value] : [],
  )

/** What stays may be as a directory elsewhere has it. */
export const reachProblems = (sent: Partial<Reach>, before: Reach): ReachProblems =>
  Object.fromEntries(
    changedIn(sent, before).flatMap(([system, value]) =>
      value === '' || (isRight[system](value) && !hasInvisible(value))
        ? []
        : [[system, hasInvisible(value) ? invisibleTold : problems[system]]],
    ),
  )

/** Other entries stay, and so does one that is unchanged or not sent. What extensions say of a value goes with it, and so does when it is used. */
export const withReach = <Holder extends Reached>(holder: Holder, sent: Partial<Reach>): Holder => {
  const changed = changedIn(sent, reachOf(holder))
  if (changed.length === 0) return holder
  const telecom = changed.reduce<readonly ContactPoint[]>(
    (before, [system, value]) => replaced(before, system, value),
    holder.telecom ?? [],
  )
  return { ...without<Reached>(holder, 'telecom'), ...(telecom.length > 0 && { telecom }) } as Holder
}

const replaced = (telecom: readonly ContactPoint[], system: ReachSystem, value: string): readonly ContactPoint[] => {
  const at = telecom.findIndex(isPresent(system))
  const next = withValues<ContactPoint>(telecom[at] ?? { system, use: 'work' }, { value, period: undefined })
  const kept = value === '' ? [] : [next]
  return at < 0 ? [...telecom, ...kept] : telecom.toSpliced(at, 1, ...kept)
}

const changedIn = (sent: Partial<Reach>, before: Reach): readonly (readonly [ReachSystem, string])[] =>
  reachSystems.flatMap(system => {
    const value = sent[system]?.trim()
    return value === undefined || value === before[system].trim() ? [] : [[system, value] as const]
  })

const isPresent =
  (system: ReachSystem) =>
  (one: ContactPoint): boolean =>
    one.system === system && one.use !== 'old'

const isRight: Readonly<Record<ReachSystem, (value: string) => boolean>> = {
  phone: isPhoneNumber,
  email: value => emailProblem(value) === undefined,
  url: value => value.length <= 250 && /^https?:\/\/[^\s\p{C}/][^\s\p{C}]*$/u.test(value) && URL.canParse(value),
}

const problems: Readonly<Record<ReachSystem, string>> = {
  phone: 'Write one phone number in digits, such as +1 500 555 0006 or +1 500 555 0006 ext. 12',
  email: 'Write an address as name@example.org',
  url: 'Write the whole address of a page, such as https://www.example.org, of at most 250 characters',
}
