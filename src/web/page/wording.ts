import { languageIn } from '../../fhir/language.ts'
import type { Wording } from '../../fhir/translation.ts'
import type { Words } from '../../messages/catalogue.ts'
import { type Html, html } from './html.ts'

/** Words that may be in another language than the page. */
export const worded = (wording: Wording, words: Words): Html =>
  isOfPage(wording, words) ? html`${wording.text}` : html`<span lang="${wording.language}">${wording.text}</span>`

/** The `lang` for an element that contains only these words. */
export const langOf = (wording: Wording, words: Words): Html | false =>
  !isOfPage(wording, words) && html` lang="${wording.language}"`

/** Whether it is in the language of the page, of whatever region. */
export const isOfPage = ({ language }: Pick<Wording, 'language'>, { code }: Words): boolean =>
  mainOf(languageIn(language)) === mainOf(code)

const mainOf = (code: string): string | undefined => code.split('-', 1)[0]
