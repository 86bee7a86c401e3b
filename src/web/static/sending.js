/** Says what became of a code that is being sent, as soon as that is known. What is typed meanwhile stays. */
const shown = document.querySelector('[data-code="sending"]')

const pauseMs = 2000
const mostLooks = 60

async function look(looks) {
  const text = await fetch(location.href).then(
    answer => answer.text(),
    () => '',
  )
  const now = new DOMParser().parseFromString(text, 'text/html').querySelector('[data-code]')
  if (now === null || now.dataset.code === 'sending') return lookAgain(looks + 1)
  shown.dataset.code = now.dataset.code
  shown.replaceChildren(...now.childNodes)
}

const lookAgain = looks => {
  if (looks < mostLooks) setTimeout(look, pauseMs, looks)
}

lookAgain(0)
