/** Writes moments by the reader's clock, and moments and days in the reader's own form if the page is in their language. */
const { lang } = document.documentElement
/** Some browsers name what is no language, such as `en-US@posix`. */
const isLanguage = tag => {
  try {
    return Intl.getCanonicalLocales(tag).length > 0
  } catch {
    return false
  }
}
const own = navigator.languages.find(one => (one === lang || one.startsWith(`${lang}-`)) && isLanguage(one)) ?? lang
const clock = new Intl.DateTimeFormat(own, {
  calendar: 'gregory',
  year: 'numeric',
  month: 'long',
  day: 'numeric',
  hour: 'numeric',
  minute: '2-digit',
  timeZoneName: 'short',
})

const asDay = { calendar: 'gregory', year: 'numeric', month: 'long', day: 'numeric' }
const calendar = new Intl.DateTimeFormat(own, asDay)

/** Undefined if no day begins at the moment; `edge`: whether it is the first or the last day of a period that begins or ends there. */
const dayAt = (moment, edge) => {
  const before = new Date(moment.getTime() - 1)
  if (edge === undefined || before.getDate() === moment.getDate()) return undefined
  return calendar.format(edge === 'end' ? before : moment)
}

/** Prevents line breaks within `GMT-5`. */
const momentText = moment => clock.format(moment).replaceAll('-', '\u2011')

for (const element of document.querySelectorAll('time[datetime*="T"]')) {
  const moment = new Date(element.dateTime)
  element.textContent = dayAt(moment, element.dataset.edge) ?? momentText(moment)
}

const day = new Intl.DateTimeFormat(own, { ...asDay, timeZone: 'UTC' })
for (const element of document.querySelectorAll('time[datetime]:not([datetime*="T"])'))
  if (element.childElementCount === 0) element.textContent = day.format(new Date(element.dateTime))

// Days are in the reader's time zone unless they have chosen another. If no days are asked for yet, the page need not be loaded again; and what
// they have sent stays as they sent it, as does what the browser has restored when they went back. A browser that names no place, but `+01:00`,
// `EST5EDT` or `Etc/Unknown`, is no help: what nobody has typed would be reported as wrong.
const asked = document.querySelector('input#timezone')
const here = Intl.DateTimeFormat().resolvedOptions().timeZone
const isPlace = here === 'UTC' || (here.includes('/') && here !== 'Etc/Unknown')
const address = new URL(location.href)
const days = [...document.querySelectorAll('input[id$="from"], input[id$="until"]')]
const isPutBack = asked !== null && [asked, ...days].some(({ value, defaultValue }) => value !== defaultValue)
const isChosen = isPutBack || address.searchParams.has('timezone')
if (asked !== null && isPlace && asked.closest('[data-typed]') === null && !isChosen && asked.value !== here) {
  if (days.length > 0 && days.every(({ value }) => value === '')) asked.value = here
  else {
    address.searchParams.set('timezone', here)
    location.replace(address)
  }
}
