/** Shows the buttons that copy something, where the browser can: https://w3c.github.io/clipboard-apis/ only over https, or on this machine. */
const show = button => {
  const said = button.nextElementSibling
  button.hidden = false
  button.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copies).textContent)
      said.textContent = button.dataset.copiedText
    } catch {
      said.textContent = button.dataset.refusedText
    }
  })
}

if (navigator.clipboard !== undefined) for (const button of document.querySelectorAll('[data-copies]')) show(button)
