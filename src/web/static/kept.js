/**
 * For pages that were asked for, and answer no form. Some browsers keep a page as it was, though it is to be stored nowhere (Chromium; WebKit
 * without TLS), and show it to whoever goes back. What it says may have ended by then, such as what is shared, so it is asked for again, unless
 * something is typed in it that was not sent.
 */
let isSent = false

addEventListener('submit', () => {
  isSent = true
})

addEventListener('pageshow', ({ persisted }) => {
  if (persisted && (isSent || !isTyped())) location.reload()
})

// `time.js` writes the time zone.
const isTyped = () =>
  [...document.querySelectorAll('main :is(input, textarea):not([type=hidden], #timezone)')].some(
    ({ value, defaultValue, checked, defaultChecked }) => value !== defaultValue || checked !== defaultChecked,
  )
