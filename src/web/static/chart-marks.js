/** What is written into a chart: at the lines of its thresholds, and at the ends of its percentiles. */
import { letterScale } from '/static/chart-told.js'

export const chartFont = () => `${13 * letterScale()}px system-ui, sans-serif`

/** How far lines of letters are apart, in the pixels of the canvas. */
const lineHeight = () => 14 * letterScale() * devicePixelRatio

const useFont = ctx => {
  ctx.font = chartFont().replace(/^[\d.]+/, size => size * devicePixelRatio)
}

/** Readable on whatever is drawn below it. */
const write = (ctx, text, x, y, { color, paper }) => {
  ctx.lineJoin = 'round'
  ctx.lineWidth = 4 * devicePixelRatio
  ctx.strokeStyle = paper
  ctx.strokeText(text, x, y)
  ctx.fillStyle = color
  ctx.fillText(text, x, y)
}

/** Dashed lines across the chart, with what they are, if it is wide enough: the sentence above it says the same. */
export const drawThresholds = (thresholds, { threshold: color, paper }) => plot => {
  const { ctx, bbox } = plot
  ctx.save()
  ctx.textBaseline = 'bottom'
  useFont(ctx)
  ctx.textAlign = 'left'
  const room = bbox.width - 12 * devicePixelRatio
  for (const { value, mark } of thresholds) {
    const y = plot.valToPos(value, 'y', true)
    if (y < bbox.top || y > bbox.top + bbox.height) continue
    ctx.strokeStyle = color
    ctx.lineWidth = 1.5 * devicePixelRatio
    ctx.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio])
    ctx.beginPath()
    ctx.moveTo(bbox.left, y)
    ctx.lineTo(bbox.left + bbox.width, y)
    ctx.stroke()
    ctx.setLineDash([])
    if (mark !== '' && ctx.measureText(mark).width <= room) write(ctx, mark, bbox.left + 6 * devicePixelRatio, y - 2 * devicePixelRatio, { color, paper })
  }
  ctx.restore()
}

/** Beside the chart if it is wide enough, for letters of that size; else no more than what is written below the end of the axis takes. */
export const namesWidth = width => (width < 300 * letterScale() ? 20 : 37) * letterScale()

/** The name of each percentile where its line ends, beside the chart or within it, one below the other however near these ends are. */
export const drawNames = (names, { ink: color, paper }) => plot => {
  const { ctx, bbox, scales } = plot
  const ends = names.flatMap((name, index) => {
    const values = plot.data[index + 1]
    const last = values.findLastIndex((value, at) => value != null && plot.data[0][at] >= scales.x.min && plot.data[0][at] <= scales.x.max)
    return last < 0 ? [] : [{ name, x: plot.valToPos(plot.data[0][last], 'x', true), y: plot.valToPos(values[last], 'y', true) }]
  })
  if (ends.length === 0) return
  ctx.save()
  ctx.textBaseline = 'middle'
  useFont(ctx)
  const [gap, bottom] = [lineHeight(), bbox.top + bbox.height - lineHeight() / 2]
  // From the lowest up, each at its end or above the one before; all of them a little down if the lowest had to be moved up far.
  let below = bottom + gap
  const placed = ends.map(one => {
    below = Math.min(one.y, below - gap)
    return { ...one, at: below }
  })
  const shift = Math.min(bottom - placed[0].at, placed.reduce((sum, { y, at }) => sum + y - at, 0) / placed.length)
  const isBeside = plot.width - (bbox.left + bbox.width) / devicePixelRatio >= 37 * letterScale() - 1
  const away = (isBeside ? 5 : -5) * devicePixelRatio
  ctx.textAlign = isBeside ? 'left' : 'right'
  for (const { name, x, at } of placed) write(ctx, name, x + away, at + Math.max(shift, 0), { color, paper })
  ctx.restore()
}
