import { languageName } from '../../fhir/language.ts'
import type { PaperText } from '../../studies/consent/paper-text.ts'
import { type Html, html } from '../page/html.ts'
import { textShown } from '../sharing/sharing-facts.ts'

/** To be opened beside the scan; undefined where it is something else than words. */
export const textRead = ({ version, attachment }: PaperText): Html | undefined => {
  const text = textShown(attachment)
  return text && html`<details class="mb-3"><summary>Read version ${version}</summary>${text}</details>`
}

/** Empty where it does not say. */
export const languageOf = ({ attachment: { language } }: PaperText): string =>
  language === undefined ? '' : `, in ${languageName(language)}`
