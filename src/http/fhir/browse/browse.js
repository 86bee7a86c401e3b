/**
 * What Swagger UI lacks for people with a screen reader: names for its fields and buttons, links that are in no button, headings without gaps, and
 * a dialog that is one. It draws its page again and again, so each time what is new is put right.
 */
const nameOf = element => {
  const row = element.closest('[data-param-name]')
  if (row !== null) return row.dataset.paramName
  return element.closest('.opblock-section-request-body') === null ? 'Media type' : 'Media type of the body'
}
const operationOf = element => {
  const { textContent: path } = element.closest('.opblock').querySelector('.opblock-summary-path')
  return `${element.closest('.opblock').querySelector('.opblock-summary-method').textContent} ${path}`
}

/** For what a selector finds: what is put right. */
const mends = {
  '.opblock-summary-control a[href]': link => link.removeAttribute('href'),
  '#servers': servers => name(servers, 'Server'),
  '.operation-filter-input': filter => name(filter, 'Filter by tag or path'),
  '.parameters-col_description :is(select, input, textarea)': field => name(field, nameOf(field)),
  'select:not([aria-label])': field => name(field, nameOf(field)),
  '.body-param__text': body => name(body, 'Body'),
  'pre.microlight': scrolled => attribute(scrolled, 'tabindex', '0'),
  '.close-modal': button => name(button, 'Close'),
  '.modal-btn.authorize': button => button.removeAttribute('aria-label'),
  '#auth-bearer-value': field => name(field, 'Value'),
  '.expand-operation': button => name(button, `Operations of ${button.closest('[data-tag]').dataset.tag}`),
  '.authorization__btn': button => name(button, `Authorize ${operationOf(button)}`),
  '.copy-to-clipboard[aria-label]': wrapper => wrapper.removeAttribute('aria-label'),
  '.responses-table[role="region"]': region => name(region, `Responses to ${operationOf(region)}`),
  'h3.opblock-tag, .modal-ux-header h3': heading => attribute(heading, 'aria-level', '2'),
  '.opblock-section-header h4, .modal-ux-content h4, .opblock-body h5': heading => attribute(heading, 'aria-level', '3'),
  '.modal-ux:not([role])': openDialog,
}

function attribute(element, key, value) {
  if (element.getAttribute(key) !== value) element.setAttribute(key, value)
}

function name(element, text) {
  attribute(element, 'aria-label', text)
}

function openDialog(dialog) {
  for (const [key, value] of [
    ['role', 'dialog'],
    ['aria-modal', 'true'],
    ['aria-label', 'Available authorizations'],
    ['tabindex', '-1'],
  ])
    dialog.setAttribute(key, value)
  dialog.focus()
}

const mend = () => {
  for (const [selector, put] of Object.entries(mends)) for (const element of document.querySelectorAll(selector)) put(element)
}

new MutationObserver(mend).observe(document.body, { childList: true, subtree: true })
mend()
