/**
 * A button that is pressed twice sends its form once: whoever double-clicks does not make two of what they ask for. After a pause it
 * works again, where the page stays because the answer is a file, or did not come.
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

// Also whoever comes back to it as it was.
addEventListener('pageshow', () => {
  sentAt = new WeakMap()
})
