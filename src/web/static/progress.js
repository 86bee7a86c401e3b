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
}
