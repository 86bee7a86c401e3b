/**
 * A button that is pressed twice sends its form only once, so that a double click does not do something twice. After a pause it works again, for
 * when the page stays because the answer is a file, or did not arrive.
 */
const pauseMs = 3000
let sentAt = new WeakMap()

addEventListener('submit', event => {
  const { target: form, submitter } = event
  if (form.method !== 'post') return
  const pressed = submitter ?? form
  if (performance.now() - (sentAt.get(pressed) ?? Number.NEGATIVE_INFINITY) < pauseMs) event.preventDefault()
  else sentAt.set(pressed, performance.now())
})

// Also when somebody comes back to the page as it was.
addEventListener('pageshow', () => {
  sentAt = new WeakMap()
})
