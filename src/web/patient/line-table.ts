import { type Html, html } from '../page/html.ts'

/** Lines of a list of patients, each headed by its number. It can be scrolled within the page, also with the keyboard. */
export const lineTable = (
  label: string,
  heads: readonly string[],
  rows: readonly (readonly (Html | string)[])[],
): Html => html`<div class="table-responsive" tabindex="0" role="region" aria-label="${label}">
<table class="table align-middle">
<thead><tr>${heads.map(head => html`<th scope="col">${head}</th>`)}</tr></thead>
<tbody>${rows.map(([first, ...rest]) => html`<tr><th scope="row">${first}</th>${rest.map(cell => html`<td>${cell}</td>`)}</tr>`)}</tbody>
</table>
</div>`

/** How many lines a page shows. */
export const linesOfPage = 50
