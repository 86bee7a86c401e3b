import { staffFromElsewhere } from '../../storage/study/study-recipients.ts'
import { recipientsIn } from '../../studies/definition/text-recipients.ts'
import type { PageOptions } from '../page/add-page.ts'
import { type Html, html } from '../page/html.ts'
import type { PeopleAsked } from './people-asked.ts'
import type { ReadStudy } from './read-study.ts'

/** What a list of a study's people says if nobody is in it, among all or among those who were asked for. */
export const nobodyListed = async (
  read: ReadStudy,
  { state, text }: Pick<PeopleAsked, 'state' | 'text'>,
  options: PageOptions,
): Promise<Html> =>
  state === undefined && text === ''
    ? html`<p>Nobody is in this study yet, as far as you can see.</p>${await whyElsewhere(read, options)}`
    : html`<p>Nobody in this study matches that, as far as you can see.</p>`

/** Somebody who works elsewhere reads by the texts that name them alone, so there may be others who signed an earlier one. */
const whyElsewhere = async ({ caller, study }: ReadStudy, { accounts }: PageOptions): Promise<Html | undefined> => {
  const named = recipientsIn(study)
  if (named === undefined || caller.practitioner === undefined) return undefined
  const elsewhere = await staffFromElsewhere(accounts.database, study.id ?? '')
  if (!elsewhere.includes(caller.practitioner)) return undefined
  return html`<p>You work in another organization, so you are shown only those who sign a version of the text that names you. ${
    named.includes(caller.practitioner)
      ? 'The one that they sign now does.'
      : 'The one that they sign now does not; the next that is published will.'
  }</p>`
}
