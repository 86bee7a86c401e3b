/** Shows the buttons that need this module. */
const list = document.querySelector('[data-codes]')
const codes = [...list.querySelectorAll('code')].map(({ textContent }) => textContent)
const copied = document.querySelector('[data-copied]')

const show = (selector, onClick) => {
  const button = document.querySelector(selector)
  button.hidden = false
  button.addEventListener('click', onClick)
}

show('[data-print]', () => window.print())
// https://w3c.github.io/clipboard-apis/: only over https, or on this machine.
if (navigator.clipboard !== undefined)
  show('[data-copy]', async () => {
    try {
      await navigator.clipboard.writeText(codes.join('\n'))
      copied.textContent = list.dataset.copiedText
    } catch {
      copied.textContent = list.dataset.refusedText
    }
  })
