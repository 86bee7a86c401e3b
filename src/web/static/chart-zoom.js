/**
 * Buttons that show less or more of a chart, or what is before or after, down to what can be dragged over: for whoever drags nothing. As long as all
 * of it is shown there is nothing to go back to, so only the first of them is there.
 */
import { clockOf, rangeOfTime } from '/static/chart-told.js'

/** For each button: what is shown by it, of what is shown now. A press goes by half of that, so that nothing is passed over. */
const steps = {
  nearer: ([low, high]) => [low + (high - low) / 4, high - (high - low) / 4],
  farther: ([low, high]) => [low - (high - low) / 2, high + (high - low) / 2],
  earlier: ([low, high]) => [low - (high - low) / 2, high - (high - low) / 2],
  later: ([low, high]) => [low + (high - low) / 2, high + (high - low) / 2],
}

/** A minute, in what the axis counts. */
const leastOf = ({ style }) => (style === 'day' ? 1 : 60)

/** As wide as asked, and not beyond the ends. */
const within = ([low, high], { min, max }) => {
  const width = Math.min(high - low, max - min)
  const start = Math.min(Math.max(low, min), max - width)
  return { min: start, max: start + width }
}

/** `whole`: the limits of all that there is. `follow` says which part is shown, however that came about. */
export const zoomButtons = (chart, whole) => {
  const { style, words } = chart
  const row = document.createElement('div')
  row.className = 'zoom d-flex flex-wrap align-items-center gap-2 my-2 no-print'
  row.setAttribute('role', 'group')
  row.setAttribute('aria-label', words.zoom)
  const shown = document.createElement('span')
  shown.setAttribute('role', 'status')
  const range = style === 'day' ? ({ min, max }) => `${clockOf(min)}–${clockOf(max)}` : rangeOfTime(chart)
  const follow = ({ scales: { x } }) => {
    const isWhole = x.max - x.min > 0.99 * (whole.max - whole.min)
    const text = isWhole ? '' : range(x)
    if (shown.textContent !== text) shown.textContent = text
    const [first, ...others] = row.querySelectorAll('button')
    if (isWhole && others.includes(document.activeElement)) first.focus({ preventScroll: true })
    for (const one of others) one.hidden = isWhole
  }
  const add = plot => {
    for (const [name, step] of Object.entries(steps)) {
      const button = document.createElement('button')
      button.type = 'button'
      button.className = 'btn btn-outline-primary btn-sm'
      button.textContent = words[name]
      button.hidden = name !== 'nearer'
      button.addEventListener('click', () => {
        const { min, max } = plot.scales.x
        const next = within(step([min, max]), whole)
        if (next.max - next.min >= leastOf(chart)) plot.setScale('x', next)
      })
      row.append(button)
    }
    row.append(shown)
  }
  return { row, follow, add }
}
