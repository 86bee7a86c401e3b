// Runs inside a page: what is cut off, or wider than the window, once letters, words and lines are as far apart as somebody may have set them; and
// whether it is wider than a phone of 360 px once letters are twice as large.
// https://www.w3.org/TR/WCAG22/#text-spacing, https://www.w3.org/TR/WCAG22/#resize-text
;(() => {
  const spaced = new CSSStyleSheet()
  spaced.replaceSync(
    '* { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important } p { margin-bottom: 2em !important }',
  )
  document.adoptedStyleSheets = [spaced]
  const { scrollWidth, clientWidth } = document.documentElement
  const hides = /hidden|clip/
  const cut = [...document.querySelectorAll('body :not(.plot, .plot *, input, svg, svg *, .visually-hidden, .visually-hidden-focusable)')].filter(one => {
    const { overflowX, overflowY } = getComputedStyle(one)
    if (one.closest('.visually-hidden') || one.clientHeight === 0) return false
    const isTooWide = hides.test(overflowX) && one.scrollWidth > one.clientWidth + 1
    return isTooWide || ((hides.test(overflowY) || one.localName === 'select') && one.scrollHeight > one.clientHeight + 1)
  })
  const faults = cut.map(one => `<${one.localName}> ${one.textContent.replace(/\s+/g, ' ').slice(0, 60)} is cut off if letters are further apart`)
  if (scrollWidth > clientWidth) faults.push(`it is ${scrollWidth} px wide in a window of ${clientWidth} if letters are further apart`)
  const large = new CSSStyleSheet()
  large.replaceSync('html { font-size: 200% !important }')
  document.adoptedStyleSheets = [large]
  const { scrollWidth: width } = document.documentElement
  if (width > Math.max(clientWidth, 360)) faults.push(`it is ${width} px wide in a window of ${clientWidth} if letters are twice as large`)
  document.adoptedStyleSheets = []
  return faults
})()
