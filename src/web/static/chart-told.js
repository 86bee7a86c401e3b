/** How charts write times and numbers: in the language of the page, like the rest of it. */

export const daySeconds = 86_400

/** By how much somebody wants letters larger than browsers show them at first: a canvas does not know. */
export const letterScale = () => Number.parseFloat(getComputedStyle(document.documentElement).fontSize) / 16

/** With a clock of 24 hours, in the language of the page. */
const localeOf = language => (language === 'en' ? 'en-GB' : language)

/** Where a day does not begin at midnight, because the clock skips it, uPlot puts the day an hour too early. */
const afterMidnight = 2 * 3600

/** Whole days of the time zone, written as people there do. */
export const timeAxis = ({ timezone, language }) => {
  const day = new Intl.DateTimeFormat(localeOf(language), { calendar: 'gregory', timeZone: timezone, day: 'numeric', month: 'short' })
  const clock = new Intl.DateTimeFormat('en-GB', { timeZone: timezone, hour: '2-digit', minute: '2-digit' })
  return {
    space: 60 * letterScale(),
    values: (_plot, splits, _axis, _space, increment) =>
      splits.map(split => {
        const time = new Date(split * 1000)
        if (increment >= daySeconds) return day.format((split + afterMidnight) * 1000)
        const text = clock.format(time)
        return text === '00:00' ? day.format(time) : text
      }),
  }
}

/** The step of which a point is the mean, from when until when, and not its middle, at which the point is drawn; the day if no more is known. */
export const momentOf = ({ timezone, stepSeconds, language, dated }) => {
  const onDate = { calendar: 'gregory', timeZone: timezone, dateStyle: 'medium' }
  const day = new Intl.DateTimeFormat(localeOf(language), onDate)
  const moment = new Intl.DateTimeFormat(localeOf(language), { ...onDate, timeStyle: 'short' })
  const isDay = time => stepSeconds >= daySeconds || dated.includes(time)
  return time =>
    isDay(time) ? day.format(time * 1000) : moment.formatRange((time - stepSeconds / 2) * 1000, (time + stepSeconds / 2) * 1000)
}

/** From when until when, of two moments. */
export const rangeOfTime = ({ timezone, language }) => {
  const asked = { calendar: 'gregory', timeZone: timezone, dateStyle: 'medium', timeStyle: 'short' }
  const moment = new Intl.DateTimeFormat(localeOf(language), asked)
  return ({ min, max }) => moment.formatRange(min * 1000, max * 1000)
}

export const clockOf = minutes =>
  `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(Math.floor(minutes % 60)).padStart(2, '0')}`

/** With the decimal sign of the language, and digits not grouped. */
export const numberOf = (language, digits) => {
  const format = new Intl.NumberFormat(localeOf(language), { useGrouping: false, ...digits })
  return value => format.format(value)
}

export const told = ({ decimals, unit, language }) => {
  const number = numberOf(language, { minimumFractionDigits: decimals, maximumFractionDigits: decimals })
  return (_plot, value) => (value == null ? '–' : `${number(value)} ${unit}`)
}
