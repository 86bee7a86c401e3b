/** Follows the progress of long work, and loads the page anew when it is over. */
for (const shown of document.querySelectorAll('[data-progress]')) {
  const source = new EventSource(shown.dataset.progress)
  source.addEventListener('message', ({ data }) => {
    const { done, total, isOver } = JSON.parse(data)
    shown.querySelector('progress').value = done
    shown.querySelector('[data-progress-text]').textContent = `${done} of ${total}`
    if (!isOver) return
    source.close()
    location.reload()
  })
  source.addEventListener('error', () => {
    // After any answer but a stream, browsers do not ask again: too many pages follow it, the server starts anew, nobody is signed in.
    if (source.readyState === EventSource.CLOSED) setTimeout(loadAnew, pauseMs)
  })
}

const pauseMs = 10_000

/** Once there is a page: it says how far it is, or where to sign in. One that cannot be loaded would ask no more. */
async function loadAnew() {
  const status = await fetch(location.href).then(
    answer => answer.status,
    () => 503,
  )
  if (status === 429 || status >= 500) setTimeout(loadAnew, pauseMs)
  else location.reload()
}
