import { create } from 'qrcode'
import { type Html, html } from './html.ts'

/** The text as a QR code for the camera of a phone: dark on light, whatever the colours of the page. ISO/IEC 18004 */
export const qrPicture = (text: string, label: string): Html => {
  const { modules } = create(text, { errorCorrectionLevel: 'M' })
  const { size } = modules
  const dark = [...Array(size * size).keys()].filter(at => modules.data[at] === 1)
  const path = dark.map(at => `M${(at % size) + quietZone} ${Math.floor(at / size) + quietZone}h1v1h-1z`).join('')
  const width = size + 2 * quietZone
  return html`<svg class="picture" viewBox="0 0 ${width} ${width}" role="img" aria-label="${label}" shape-rendering="crispEdges"><rect width="${width}" height="${width}" fill="#fff"/><path d="${path}" fill="#000"/></svg>`
}

/** In modules, as in the standard. */
const quietZone = 4
