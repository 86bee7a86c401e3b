import { languageName } from '../../fhir/language.ts'
import type { PaperText } from '../../studies/consent/paper-text.ts'
import { type Html, html } from '../page/html.ts'
import { textShown } from '../sharing/sharing-facts.ts'

/** The text, to be opened beside the scan; undefined if it is not plain text. */
export const textRead = ({ version, attachment }: PaperText): Html | undefined => {
  // On these pages it stands right below the first heading.
  const text = textShown(attachment, 2)
  return text && html`<details class="mb-3"><summary>Read version ${version}</summary>${text}</details>`
}

/** Empty if it does not say its language. */
export const languageOf = ({ attachment: { language } }: PaperText): string =>
  language === undefined ? '' : `, in ${languageName(language)}`
