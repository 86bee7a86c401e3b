import type { Words } from '../../messages/catalogue.ts'
import type { Choice } from '../../studies/consent/own-consent.ts'
import type { StudyAsked } from '../../studies/consent/own-study.ts'
import type { ReadingService } from '../../studies/consent/reading-services.ts'
import type { StaffShown } from '../../studies/consent/staff-shown.ts'
import { type Html, html } from '../page/html.ts'
import { staffRoleKey } from '../page/staff-role-key.ts'

type Readers = Pick<StudyAsked, 'organization' | 'isOrganizations' | 'staff' | 'services'>

/** Everybody and everything that could see what is chosen. */
export const readersShown = (asked: Readers, choices: readonly Choice[], words: Words): Html => {
  const { isOrganizations, staff, services } = asked
  const { say } = words
  const organization = asked.organization.name
  const read = services.flatMap(one => serviceText(one, choices, { organization, words }) ?? [])
  return html`<ul>
${isOrganizations && html`<li>${say('preview.everybody', { organization })}</li>`}
${staff.map(one => html`<li>${staffText(one, organization, words)}</li>`)}
${!isOrganizations && staff.length === 0 && html`<li>${say('preview.nobody')}</li>`}
${read.map(text => html`<li>${text}</li>`)}
</ul>
<p>${read.length === 0 && say('preview.no-service', { organization })} ${say('preview.apps')}</p>`
}

/** Whoever has given no name is told of by what they do in the study, and for whom. */
export const staffText = (
  { name, role, isElsewhere }: Pick<StaffShown, 'name' | 'role' | 'isElsewhere'>,
  organization: string,
  { say }: Words,
): string => {
  if (name !== '') return isElsewhere ? say('preview.elsewhere', { name }) : name
  const does = { role: say(staffRoleKey(role)) }
  return isElsewhere ? say('preview.unnamed-elsewhere', does) : say('preview.unnamed', { ...does, organization })
}

type Telling = { readonly organization: string; readonly words: Words }

/** Undefined if it can read nothing of what is chosen. */
const serviceText = (
  { name: service, reads }: ReadingService,
  choices: readonly Choice[],
  { organization, words }: Telling,
): string | undefined => {
  const chosen = choices.filter(({ shares }) => shares).map(({ line }) => line)
  const read = chosen.filter(({ kind }) => reads(kind)).map(({ what }) => what)
  if (read.length === 0) return undefined
  const what = read.length === chosen.length ? undefined : words.list(read)
  return serviceNamed({ service, organization, what }, words)
}

type Named = { readonly service: string; readonly organization: string; readonly what: string | undefined }

/** `what`: all that it can read, if that is not everything. */
export const serviceNamed = ({ service, organization, what }: Named, { say }: Words): string =>
  what === undefined
    ? say('preview.service', { service, organization })
    : say('preview.service-part', { service, organization, what })
