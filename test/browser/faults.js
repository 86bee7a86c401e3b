// Runs inside a page: what is wrong with it for somebody who reads it, a sentence each.
;(() => {
  const isShown = element => {
    const { width, height } = element.getBoundingClientRect()
    return width > 0 && height > 0 && getComputedStyle(element).visibility === 'visible'
  }
  const all = selector => [...document.querySelectorAll(selector)].filter(isShown)
  const nameOf = element =>
    (element.getAttribute('aria-label') ??
      (element.labels?.length > 0 ? [...element.labels] : [element]).map(one => one.textContent).join(' '))
      .replace(/\s+/g, ' ')
      .trim()
  const shown = element => `<${element.localName}> ${nameOf(element).slice(0, 60) || element.outerHTML.slice(0, 100)}`

  const frame = () => [
    ...(document.documentElement.lang === (navigator.language.startsWith('es') ? 'es' : 'en') ? [] : ['it does not say its language']),
    ...(/^.+ – Sharewell$/.test(document.title) ? [] : [`its title is “${document.title}”`]),
    ...(all('h1').length === 1 ? [] : [`it has ${all('h1').length} headings of the first level`]),
    ...(all('main').length === 1 ? [] : ['it has no main part']),
  ]

  const overflow = () => {
    const { scrollWidth, clientWidth } = document.documentElement
    if (scrollWidth <= clientWidth) return []
    const wide = all('body *').filter(one => one.getBoundingClientRect().right > clientWidth + 1)
    return [`it is ${scrollWidth} px wide in a window of ${clientWidth}: ${wide.map(shown).slice(0, 3).join(', ')}`]
  }

  const names = () => [
    ...all('input, select, textarea')
      .filter(one => one.labels.length === 0 && !one.hasAttribute('aria-label'))
      .map(one => `${shown(one)} has no label`),
    ...all('button, a')
      .filter(one => nameOf(one) === '')
      .map(one => `${shown(one)} has no name`),
    ...all('fieldset')
      .filter(one => !one.querySelector('legend')?.textContent.trim())
      .map(one => `${shown(one)} has no legend`),
    ...[...document.querySelectorAll('[id]')]
      .filter(one => document.querySelectorAll(`#${CSS.escape(one.id)}`).length > 1)
      .map(one => `the id ${one.id} is there twice`),
  ]

  // https://www.w3.org/TR/WCAG22/#target-size-minimum
  const targets = () =>
    all('button, input, select, header nav a')
      .filter(one => Math.min(one.getBoundingClientRect().width, one.getBoundingClientRect().height) < 24)
      .map(one => `${shown(one)} is smaller than a finger`)

  // An iPhone zooms in on a field with smaller letters, and then the page is wider than its window.
  const letters = () =>
    all('input, select, textarea')
      .filter(one => !['checkbox', 'radio', 'file'].includes(one.type) && Number.parseFloat(getComputedStyle(one).fontSize) < 16)
      .map(one => `${shown(one)} has letters smaller than 16 px`)

  // https://www.w3.org/TR/WCAG22/#contrast-minimum
  const contrast = () =>
    all('body *')
      .filter(one => [...one.childNodes].some(node => node.nodeType === 3 && node.textContent.trim() !== ''))
      .flatMap(one => {
        const { color, fontSize, fontWeight } = getComputedStyle(one)
        const size = Number.parseFloat(fontSize)
        const least = size >= 24 || (size >= 18.66 && Number(fontWeight) >= 700) ? 3 : 4.5
        const ratio = ratioOf(luminance(color), luminance(groundOf(one)))
        return ratio >= least ? [] : [`${shown(one)} has a contrast of ${ratio.toFixed(2)}`]
      })
  const groundOf = element => {
    for (let one = element; one !== null; one = one.parentElement) {
      const { backgroundColor } = getComputedStyle(one)
      if (!/^rgba\(.*, 0\)$/.test(backgroundColor)) return backgroundColor
    }
    return 'rgb(255, 255, 255)'
  }
  const luminance = color => {
    const [red, green, blue] = color
      .match(/[\d.]+/g)
      .map(part => Number(part) / 255)
      .map(part => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
  }
  const ratioOf = (one, other) => (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05)

  /** Of the outline of what has the focus, and what is around it. */
  globalThis.outlineContrast = one => ratioOf(luminance(getComputedStyle(one).outlineColor), luminance(groundOf(one.parentElement)))

  /** Whether nothing that moves within the page cuts off the outline. */
  globalThis.hasWholeOutline = one => {
    const { outlineWidth, outlineOffset } = getComputedStyle(one)
    const reach = Number.parseFloat(outlineWidth) + Number.parseFloat(outlineOffset) - 1
    let around = one.parentElement
    while (around !== null && getComputedStyle(around).overflow === 'visible') around = around.parentElement
    if (around === null || around === document.body || around === document.documentElement) return true
    const [inner, outer] = [one.getBoundingClientRect(), around.getBoundingClientRect()]
    const isWithin = (from, to) => inner[from] - reach >= outer[from] && inner[to] + reach <= outer[to]
    return isWithin('left', 'right') && isWithin('top', 'bottom')
  }

  return [frame, overflow, names, targets, letters, contrast].flatMap(look => look())
})()
