/**
 * A button beside the field of a day opens the calendar of the browser, which writes the day into the field in words. The field stays one for text:
 * a field of the type `date` keeps nothing that is half typed, and the order of its parts is that of the browser's language and not the page's.
 */
const { lang } = document.documentElement
const words = new Intl.DateTimeFormat(lang === 'en' ? 'en-GB' : lang, { calendar: 'gregory', dateStyle: 'long', timeZone: 'UTC' })

const svg = (name, attributes) => {
  const element = document.createElementNS('http://www.w3.org/2000/svg', name)
  for (const [attribute, value] of Object.entries(attributes)) element.setAttribute(attribute, value)
  return element
}

const icon = () => {
  const drawn = svg('svg', { viewBox: '0 0 16 16', width: '16', height: '16', 'aria-hidden': 'true' })
  drawn.append(svg('path', { d: 'M1.5 3.5h13v11h-13zM1.5 7h13M5 1v4M11 1v4', fill: 'none', stroke: 'currentColor', 'stroke-width': '1.5' }))
  return drawn
}

const addCalendar = field => {
  const group = document.createElement('div')
  group.className = 'input-group'
  const button = document.createElement('button')
  button.type = 'button'
  button.className = 'btn btn-outline-primary'
  button.setAttribute('aria-label', `${field.dataset.calendar}: ${field.labels[0]?.textContent ?? ''}`)
  button.append(icon())
  field.before(group)
  group.append(field, button)
  button.addEventListener('click', () => open(field, button))
}

/** The field of a date is there for no longer than its calendar: nobody is to reach it with a key. */
const open = (field, button) => {
  const group = field.parentElement
  group.querySelector('.calendar')?.remove()
  const picker = document.createElement('input')
  picker.type = 'date'
  picker.className = 'calendar'
  picker.tabIndex = -1
  picker.ariaLabel = button.ariaLabel
  picker.value = field.dataset.day
  picker.addEventListener('change', () => {
    picker.remove()
    if (picker.value === '') return
    field.dataset.day = picker.value
    field.value = words.format(new Date(picker.value))
    field.dispatchEvent(new Event('input', { bubbles: true }))
    field.focus()
  })
  group.append(picker)
  try {
    picker.showPicker()
  } catch {
    // In a frame of another site no browser opens one.
    picker.remove()
    button.hidden = true
    field.focus()
  }
}

/**
 * WebKit has the method everywhere, but it opens a calendar on a Mac only, since Safari 17.4, as which `checkVisibility` is as old; elsewhere it does
 * nothing and says nothing. An iPad names itself a Mac: https://webkit.org/b/261703
 */
const opensCalendars = () => {
  if (!('showPicker' in HTMLInputElement.prototype)) return false
  const { vendor, platform, maxTouchPoints } = navigator
  return !vendor.startsWith('Apple') || (platform === 'MacIntel' && maxTouchPoints === 0 && 'checkVisibility' in Element.prototype)
}

if (opensCalendars()) for (const field of document.querySelectorAll('[data-calendar]')) addCalendar(field)
