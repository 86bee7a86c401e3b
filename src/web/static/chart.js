/** Charts of measurements. What to draw is in the page, in `data-chart` of each figure. uPlot has come before, as a script that is no module. */
import { chartFont, drawNames, drawThresholds, namesWidth } from '/static/chart-marks.js'
import { drawBeyond, rangeOf } from '/static/chart-scale.js'
import { clockOf, daySeconds, letterScale, momentOf, numberOf, timeAxis, told } from '/static/chart-told.js'
import { zoomButtons } from '/static/chart-zoom.js'

const { uPlot } = globalThis

const colors = () => {
  const style = getComputedStyle(document.documentElement)
  const color = name => style.getPropertyValue(`--${name}`).trim()
  return {
    ink: color('bs-body-color'),
    paper: color('bs-body-bg'),
    grid: color('chart-grid'),
    threshold: color('chart-threshold'),
    inner: color('chart-inner'),
    outer: color('chart-outer'),
    lines: [1, 2, 3, 4, 5, 6].map(number => color(`chart-${number}`)),
    bands: [1, 2, 3, 4, 5, 6].map(number => color(`chart-band-${number}`)),
  }
}

const axisOf = ({ ink, grid }) => ({
  stroke: ink,
  font: chartFont(),
  size: 37 + 13 * letterScale(),
  grid: { stroke: grid, width: 1 },
  ticks: { stroke: grid, width: 1 },
})

/** Lines differ in their strokes as well, for whoever sees no colours, or prints without them. For the line, and for its mark in the legend. */
const strokes = [
  { dash: [], mark: 'solid' },
  { dash: [10, 5], mark: 'dashed' },
  { dash: [2, 4], mark: 'dotted' },
]
const strokeOf = index => strokes[index % strokes.length]

/** Legends show what is between the edges, and not the edges. */
const edgeClass = 'edge'

/** The axis of the values; with `ticks`, it has these, the first of them first where letters leave no room for all. */
const valueAxis = (palette, { language, ticks }) => {
  const number = numberOf(language, {})
  const scale = letterScale()
  const apart = (plot, axis) =>
    ticks.reduce((kept, tick) => {
      const isWithin = tick >= plot.scales[axis].min && tick <= plot.scales[axis].max
      const isFree = kept.every(other => Math.abs(plot.valToPos(tick, axis) - plot.valToPos(other, axis)) >= 12 * scale)
      return isWithin && isFree ? [...kept, tick] : kept
    }, [])
  return {
    ...(ticks !== undefined && { splits: plot => apart(plot, 'y').sort((one, other) => one - other) }),
    ...axisOf(palette), size: 30 + 36 * scale, space: 30 * scale, values: (_plot, splits) => splits.map(number) }
}

/** uPlot's NULL_EXPAND: a break lasts until the line goes on, and not only until another source has a reading. */
const breaksWholly = 2

/** A point by itself between two breaks is no line, so it is marked even if others are not. */
const markedAlone = (plot, series, areMarked) => {
  if (areMarked) return null
  const values = plot.data[series]
  // Undefined means that only another source has a reading there.
  const own = values.flatMap((value, index) => (value === undefined ? [] : [index]))
  return own.filter((index, place) => [-1, 1].every(side => values[own[place + side]] == null) && values[index] !== null)
}

/** Each line with the lowest and highest of each of its steps as a band around it. */
const overTime = chart => {
  const { style, lines, timezone, from, to } = chart
  const palette = colors()
  const isBars = style === 'bars'
  // The bars of a day are side by side within it, however far away the next day with one is.
  const beside = (at, index) => at.map(time => time + (index * daySeconds) / lines.length)
  const paths = uPlot.paths.bars({
    size: [0.7, 40],
    disp: {
      x0: { unit: 1, values: plot => plot.data[0] },
      size: { unit: 1, values: () => [(0.7 * daySeconds) / lines.length] },
    },
  })
  const data = uPlot.join(
    lines.map(({ at, mean, low, high }, index) => (isBars ? [beside(at, index), mean] : [at, mean, low, high])),
    lines.map(() => [0, breaksWholly, breaksWholly, breaksWholly]),
  )
  const moment = momentOf(chart)
  const [tell, number] = [told(chart), numberOf(chart.language, {})]
  const series = lines.flatMap(({ label }, index) => {
    const stroke = palette.lines[index % palette.lines.length]
    const line = { label, stroke, width: 2, value: tell }
    if (isBars)
      return [{ ...line, width: 1, fill: palette.bands[index % palette.bands.length], paths, points: { show: false } }]
    const points = style === 'marked' ? { show: true, size: 6, fill: stroke } : { size: 7, fill: stroke, filter: markedAlone }
    const between = (plot, value, at, index) => {
      if (value == null) return '–'
      const [lowest, highest] = [plot.data[at + 1][index], plot.data[at + 2][index]]
      const text = tell(plot, value)
      return lowest === highest ? text : `${text} (${number(lowest)}–${number(highest)})`
    }
    const edge = { class: edgeClass, width: 0, points: { show: false } }
    const dash = strokeOf(index).dash.map(length => length * devicePixelRatio)
    return [{ ...line, dash, points, value: between }, { ...edge, label: 'lowest' }, { ...edge, label: 'highest' }]
  })
  const bands = isBars
    ? []
    : lines.map((_, index) => ({ series: [index * 3 + 3, index * 3 + 2], fill: palette.bands[index % palette.bands.length] }))
  return {
    data,
    options: {
      series: [{ label: chart.words.when, value: (_plot, time) => (time == null ? '–' : moment(time)) }, ...series],
      bands,
      // Each line is followed by its two edges.
      legend: { markers: isBars ? {} : { dash: (_plot, series) => strokeOf(Math.floor((series - 1) / 3)).mark } },
      scales: { x: { time: true, range: (_plot, low, high) => (low === high ? [from, to] : [low, high]) }, y: { range: rangeOf(chart) } },
      tzDate: time => uPlot.tzDate(new Date(time * 1000), timezone),
      axes: [{ ...axisOf(palette), ...timeAxis(chart) }, valueAxis(palette, chart)],
      hooks: { draw: [drawThresholds(chart.thresholds, palette), drawBeyond(chart, palette)] },
    },
  }
}

/** All days in one: the median within two bands. */
const overDay = chart => {
  const palette = colors()
  const quarters = Array.from({ length: 96 }, (_, quarter) => quarter * 15 + 7.5)
  const edge = label => ({ label, width: 0, points: { show: false }, value: told(chart) })
  const names = chart.percentiles.map(({ name }) => name)
  return {
    data: [quarters, ...chart.percentiles.map(({ values }) => values)],
    options: {
      series: [
        { label: chart.words.at, value: (_plot, minutes) => (minutes == null ? '–' : clockOf(minutes - 7.5)) },
        edge(names[0]),
        edge(names[1]),
        {
          label: chart.words.median,
          stroke: palette.lines[0],
          width: 3,
          points: { show: false, size: 6, fill: palette.lines[0], filter: markedAlone },
          value: told(chart),
        },
        edge(names[3]),
        edge(names[4]),
      ],
      bands: [
        { series: [5, 1], fill: palette.outer },
        { series: [4, 2], fill: palette.inner },
      ],
      scales: { x: { time: false, range: (_plot, low, high) => (low === high ? [0, 1440] : [low, high]) }, y: { range: rangeOf(chart) } },
      axes: [
        { ...axisOf(palette), incrs: [60, 120, 180, 240, 360, 720], space: 8 + 36 * letterScale(), values: (_plot, splits) => splits.map(clockOf) },
        valueAxis(palette, chart),
      ],
      hooks: { draw: [drawThresholds(chart.thresholds, palette), drawBeyond(chart, palette), drawNames(names, palette)] },
    },
  }
}

/** What is shown at first, and again when the zoom ends. */
const whole = ({ style, from, to }) => (style === 'day' ? { min: 0, max: 1440 } : { min: from, max: to })

/** A link to the days that are zoomed in on, which have more points if they are asked for alone. */
const closerLink = ({ style, from, to, timezone, words }) => {
  const link = document.createElement('a')
  const day = new Intl.DateTimeFormat('en-CA', { timeZone: timezone })
  link.hidden = true
  link.textContent = words.closer
  const follow = ({ scales: { x } }) => {
    link.hidden = style === 'day' || x.max - x.min > 0.99 * (to - from)
    if (link.hidden) return
    const address = new URL(location.href)
    address.searchParams.set('first', day.format(new Date(Math.max(x.min, from) * 1000)))
    address.searchParams.set('last', day.format(new Date(Math.min(x.max, to - 1) * 1000)))
    link.href = address.href
  }
  return { link, follow }
}

const draw = figure => {
  const chart = JSON.parse(figure.dataset.chart)
  const place = figure.querySelector('.plot')
  place.hidden = false
  place.replaceChildren()
  figure.querySelector('.zoom')?.remove()
  const { data, options } = chart.style === 'day' ? overDay(chart) : overTime(chart)
  const { link, follow } = closerLink(chart)
  const zoom = zoomButtons(chart, whole(chart))
  const plot = new uPlot(
    {
      width: place.clientWidth,
      height: chart.style === 'day' ? 350 : 260,
      // Room for half of what is written below the right end; by itself uPlot has some for small letters.
      padding: [null, chart.style === 'day' ? namesWidth(place.clientWidth) : 20 * letterScale(), null, null],
      // A click on a name in the legend would hide its line, which no key can do.
      cursor: { drag: { x: true, y: false }, bind: { click: () => null } },
      ...options,
      legend: { ...options.legend, live: matchMedia('(hover: hover)').matches },
      scales: { ...options.scales, x: { ...options.scales.x, ...whole(chart), auto: false } },
      hooks: { ...options.hooks, setScale: [(plot, scale) => scale === 'x' && [follow, zoom.follow].map(one => one(plot))] },
    },
    data,
    place,
  )
  zoom.add(plot)
  place.append(link)
  place.after(zoom.row)
  const canvas = plot.root.querySelector('canvas')
  canvas.setAttribute('role', 'img')
  canvas.setAttribute('aria-label', chart.words.picture)
  // It tells what somebody points at. To a screen reader it would be a table without numbers, before the one that has them.
  plot.root.querySelector('.u-legend').ariaHidden = 'true'
  // By itself, the axis would first show all of the data, and not all of the days.
  plot.setScale('x', whole(chart))
  plot.over.addEventListener('dblclick', () => plot.setScale('x', whole(chart)))
  return { plot, place }
}

let drawn = []
/** Draws all charts again, at once, and keeps the zoom and the focus: Firefox copies the page for paper before anything that waits, and copied empty charts. */
const drawAll = () => {
  const seen = drawn.map(({ plot }) => ({ min: plot.scales.x.min, max: plot.scales.x.max }))
  const focused = focusable().indexOf(document.activeElement)
  for (const { plot } of drawn) plot.destroy()
  drawn = [...document.querySelectorAll('[data-chart]')].map(draw)
  for (const [index, limits] of seen.entries()) drawn[index].plot.batch(plot => plot.setScale('x', limits))
  focusable()[focused]?.focus({ preventScroll: true })
}
/** They are the same in each drawing, in the same order. */
const focusable = () => [...document.querySelectorAll('[data-chart] :is(a, button)')]

drawAll()
// Charts that were drawn in dark colours are drawn again for paper, which is white.
for (const query of ['(prefers-color-scheme: dark)', 'print']) matchMedia(query).addEventListener('change', drawAll)
new ResizeObserver(() => {
  for (const { plot, place } of drawn)
    if (place.clientWidth !== plot.width) plot.setSize({ width: place.clientWidth, height: plot.height })
}).observe(document.querySelector('main'))
