/** Follows the progress of long work, and reloads the page when it is over. */
for (const shown of document.querySelectorAll('[data-progress]')) {
  const source = new EventSource(shown.dataset.progress)
  source.addEventListener('message', ({ data }) => {
    const { done, total, isOver, first } = JSON.parse(data)
    if (first === undefined) shown.querySelector('progress').value = done
    shown.querySelector('[data-progress-text]').textContent = first ?? `${done} of ${total}`
    if (!isOver) return
    source.close()
    location.reload()
  })
  source.addEventListener('error', () => {
    // After any answer but a stream, browsers do not ask again: too many pages follow the work, the server is restarting, or nobody is signed
    // in.
    if (source.readyState === EventSource.CLOSED) setTimeout(loadAnew, pauseMs)
  })
}

const pauseMs = 10_000

/** Reloads once there is a page, which shows the progress, or where to sign in. A page that cannot be loaded would not ask again. */
async function loadAnew() {
  const status = await fetch(location.href).then(
    answer => answer.status,
    () => 503,
  )
  if (status === 429 || status >= 500) setTimeout(loadAnew, pauseMs)
  else location.reload()
}
