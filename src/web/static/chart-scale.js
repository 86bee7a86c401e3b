/** The range of a chart's scale, and what is beyond it. */
import { daySeconds } from '/static/chart-told.js'

/**
 * Contains the measurements and the thresholds, with some room, and zero for bars. An improbable value would leave no room for all others, so
 * the scale does not reach it. With a `scale` of its own, it has at least that.
 */
export const rangeOf =
  ({ style, thresholds, scale, limits: [lowest, highest] }) =>
  plot => {
    const [first, last] = plot.series[0].idxs
    const shown = plot.data.slice(1).flatMap(values => values.slice(first, last + 1))
    const likely = shown.filter(value => value != null && value >= lowest && value <= highest)
    if (style === 'bars') return [0, (greatest(likely) || 1) * 1.08]
    if (scale !== undefined) return [scale[0], Math.max(scale[1], (greatest(likely) ?? 0) * 1.03)]
    const values = [...(likely.length === 0 ? [lowest, highest] : likely), ...thresholds.map(({ value }) => value)]
    const [from, to] = [-greatest(values.map(value => -value)), greatest(values)]
    const room = (to - from) * 0.08 || 1
    return [from - room, to + room]
  }

/** Works for more values than a call may have arguments. */
const greatest = values => values.reduce((most, value) => (value > most ? value : most), values[0])

/** Triangles at the edge that point to values beyond it. */
export const drawBeyond = ({ style, limits: [lowest, highest] }, { ink, lines }) => plot => {
  const { ctx, bbox } = plot
  // A bar begins where its day does, or its part of the day.
  const middle = style === 'bars' ? (0.35 * daySeconds) / (plot.series.length - 1) : 0
  const size = 6 * devicePixelRatio
  ctx.save()
  ctx.strokeStyle = ink
  ctx.lineWidth = devicePixelRatio
  plot.data.slice(1).forEach((values, index) => {
    const { stroke } = plot.series[index + 1]
    // The edges of a band have the colour of the line to which they belong.
    ctx.fillStyle = stroke?.() ?? plot.series.slice(0, index + 2).findLast(one => one.width > 1)?.stroke() ?? lines[0]
    values.forEach((value, at) => {
      if (value == null || (value >= lowest && value <= highest)) return
      const x = plot.valToPos(plot.data[0][at] + middle, 'x', true)
      if (x < bbox.left || x > bbox.left + bbox.width) return
      const [edge, inwards] = value > highest ? [bbox.top, size] : [bbox.top + bbox.height, -size]
      ctx.beginPath()
      ctx.moveTo(x, edge)
      ctx.lineTo(x + size, edge + 1.6 * inwards)
      ctx.lineTo(x - size, edge + 1.6 * inwards)
      ctx.closePath()
      ctx.fill()
      ctx.stroke()
    })
  })
  ctx.restore()
}
