/**
 * In the browser's history, the answer to a form is kept as that form. People who went on from it and came back saw no page of ours, but were
 * asked whether to send it again. With this, they come to the page at that address, or to the one that the form was on. Whoever follows a link
 * while something is typed is still asked, since what they typed would be lost.
 */
const { page = '' } = document.documentElement.dataset
const keepAsPage = () => history.replaceState(history.state, '', page)

let isSent = false

addEventListener('submit', () => {
  isSent = true
  keepAsPage()
})
addEventListener('click', ({ target }) => {
  const link = target.closest('a[href]')
  if (link !== null && link.target === '' && !link.getAttribute('href').startsWith('#') && !isTyped()) keepAsPage()
})

// A browser that has kept the answer itself would show what was so then, such as what is shared: see `kept.js`.
addEventListener('pageshow', ({ persisted }) => {
  if (!persisted || (!isSent && isTyped())) return
  keepAsPage()
  location.replace(location.pathname + location.search)
})

const isTyped = () =>
  [...document.querySelectorAll('main :is(input, textarea):not([type=hidden])')].some(({ type, value, checked }) =>
    type === 'radio' || type === 'checkbox' ? checked : value !== '',
  )
