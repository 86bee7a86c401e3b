import type { Words } from '../../messages/catalogue.ts'
import { type Html, html } from './html.ts'
import { moment } from './time.ts'

/** On paper alone, where nothing else says it: when this was so, and of whom or from where if the page does not name them. */
export const printedLine = (words?: Words, name = ''): Html =>
  html`<p class="d-none d-print-block">${name !== '' && `${name}, `}${moment(new Date(), words)}</p>`
