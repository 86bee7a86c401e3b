/**
 * Says two minutes before the session ends that it will, with a way to keep it, and says when it is over. What is typed stays in the page. Another
 * tab may have used the session meanwhile, so the server is asked first, which does not count as using it. A dialog is in the page only while it
 * is open. It takes the focus, so screen readers announce it, and gives it back.
 */
const template = document.getElementById('session-ending')
const saidSeconds = 120
const lookMs = 10_000

let askAt = beforeEnd(Number(template.dataset.seconds))
let said
let dialog

// The clock is looked at again and again: a timer does not run while a computer sleeps.
setInterval(() => {
  if (Date.now() >= askAt) ask()
}, lookMs)
for (const event of ['focus', 'visibilitychange'])
  addEventListener(event, () => {
    if (said !== undefined || Date.now() >= askAt) ask()
  })

function beforeEnd(seconds) {
  return Date.now() + (seconds - saidSeconds) * 1000
}

function ask() {
  return tell('/account/sessions/ending')
}

function keep() {
  const token = document.querySelector('form[action="/sign-out"] [name="_csrf"]').value
  return tell('/account/sessions/keep', { method: 'POST', body: new URLSearchParams({ _csrf: token }) })
}

async function tell(path, init) {
  const ending = await fetch(path, { ...init, redirect: 'manual' }).then(endingIn, () => undefined)
  if (ending === undefined) return
  askAt = ending.inSeconds > 0 ? beforeEnd(ending.inSeconds) : Number.POSITIVE_INFINITY
  const kind = kindOf(ending)
  if (kind === said) return
  said = kind
  hide()
  if (kind !== undefined) show(kind)
}

/** Undefined if the server cannot say it now. Whoever is not signed in is sent to sign-in; and somebody else's session keeps no page of theirs. */
function endingIn(answer) {
  if (answer.ok) return answer.json()
  return answer.type === 'opaqueredirect' || answer.status === 409 ? { inSeconds: 0 } : undefined
}

function kindOf({ inSeconds, isFinal }) {
  if (inSeconds > saidSeconds) return undefined
  if (inSeconds <= 0) return 'over'
  return isFinal ? 'final' : 'idle'
}

function show(kind) {
  dialog = template.content.querySelector(`[data-kind="${kind}"]`).cloneNode(true)
  document.body.append(dialog)
  dialog.querySelector('[data-stay]')?.addEventListener('click', keep)
  dialog.querySelector('[data-close]')?.addEventListener('click', hide)
  dialog.addEventListener('cancel', event => {
    event.preventDefault()
    if (kind === 'idle') keep()
    else hide()
  })
  dialog.showModal()
}

function hide() {
  dialog?.close()
  dialog?.remove()
  dialog = undefined
}
