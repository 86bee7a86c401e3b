/** Moments are told by the clock of whoever reads them, in their own way of writing it where the page is in their language. */
const { lang } = document.documentElement
const own = navigator.languages.find(one => one.split('-')[0] === lang) ?? lang
const clock = new Intl.DateTimeFormat(own, {
  year: 'numeric',
  month: 'long',
  day: 'numeric',
  hour: 'numeric',
  minute: '2-digit',
  timeZoneName: 'short',
})

for (const element of document.querySelectorAll('time[datetime*="T"]'))
  element.textContent = clock.format(new Date(element.dateTime))

// Days are those of where the reader is, unless they have chosen. Where none is asked for yet, nothing needs to be shown anew.
const asked = document.querySelector('input#timezone')
const here = Intl.DateTimeFormat().resolvedOptions().timeZone
const address = new URL(location.href)
if (asked !== null && !address.searchParams.has('timezone') && asked.value !== here) {
  const days = [...document.querySelectorAll('input#from, input#until')]
  if (days.length > 0 && days.every(({ value }) => value === '')) asked.value = here
  else {
    address.searchParams.set('timezone', here)
    location.replace(address)
  }
}
