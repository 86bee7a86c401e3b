import { existsSync } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import type { Test } from 'tap'

/** Without windows it needs a third less processor time. */
const windowless = '/usr/bin/chromium-headless-shell'
const executablePath = process.env.CHROMIUM_PATH || (existsSync(windowless) ? windowless : '/usr/bin/chromium')

/** For `skip`: false if there is a Chromium. If BROWSER_TESTS is `required`, its absence is a failure. */
export const whyNoChromium = (): string | false => {
  if (existsSync(executablePath)) return false
  const why = `there is no Chromium at ${executablePath}: install it, or set CHROMIUM_PATH`
  if (process.env.BROWSER_TESTS === 'required') throw new Error(why)
  return why
}

/** Somebody's browser, with cookies of its own. Complaints of its pages are in `complaints`. */
export type Browser = { readonly page: Page; readonly context: BrowserContext; readonly complaints: string[] }

/** One Chromium for a file; it ends with the test. `hosts` are names of this machine, each a site of its own. */
export const openChromium = async (t: Test, hosts: readonly string[] = []) => {
  const browser = await chromium.launch({
    executablePath,
    args: [...flags, `--host-resolver-rules=${hosts.map(host => `MAP ${host} 127.0.0.1`).join(', ')}`],
  })
  t.teardown(() => browser.close())
  return async (options: BrowserContextOptions = {}): Promise<Browser> => {
    const context = await browser.newContext({ viewport: sizes.small, ...stillDay, ...options })
    context.setDefaultTimeout(15_000)
    const complaints: string[] = []
    context.on('console', message => {
      if (message.type() === 'error' && !isStatus.test(message.text())) complaints.push(message.text())
    })
    context.on('weberror', error => complaints.push(String(error.error())))
    return { page: await context.newPage(), context, complaints }
  }
}

/** Without animations, so that colours are only examined once they have changed. */
const stillDay = { colorScheme: 'light', reducedMotion: 'reduce' } as const

/**
 * The list replaces Playwright's own, which is therefore repeated in it, and adds: no upgrades of http, no requests to anybody else, no delayed
 * painting. The last two features would load popups of an address bar that nobody sees into each context, which takes half a second.
 */
const absentFeatures = [
  'AimEnabled',
  'AvoidCorsURLLoaderRestartOnRedirect',
  'AvoidUnnecessaryBeforeUnloadCheckSync',
  'DestroyProfileOnBrowserClose',
  'HttpsFirstBalancedModeAutoEnable',
  'HttpsUpgrades',
  'LensOverlay',
  'MediaRouter',
  'NetworkTimeServiceQuerying',
  'OptimizationHints',
  'PaintHolding',
  'PreconnectToSearch',
  'WebUIOmniboxAimPopup',
  'WebUIOmniboxPopup',
]

/** Cookies of other sites are not kept, as in most browsers by now; the others are Playwright's own. */
const presentFeatures = [
  'CDPScreenshotNewSurface',
  'ForceThirdPartyCookieBlockingEnabled',
  'SkipListAccountsWithoutGaiaCookies',
]

const flags = [
  `--disable-features=${absentFeatures}`,
  `--enable-features=${presentFeatures}`,
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** A page that refuses something also has such a status; anything else that goes wrong counts. */
const isStatus = /^Failed to load resource: the server responded with a status of 4\d\d/

const sizes = { small: { width: 360, height: 740 }, large: { width: 1280, height: 800 } } as const

/** What a window of 1280 px has at 400 %: https://www.w3.org/TR/WCAG22/#reflow */
export const narrow = { width: 320, height: 640 } as const

/** What is cut off if text is spaced as widely as somebody may have it. */
export const spacedScript = await readFile(join(import.meta.dirname, 'spaced.js'), 'utf8')

/**
 * Checks what all pages promise: the page reads well in small and large windows, with text far apart, by day and night, can be used with the keyboard alone, and its
 * browser finds nothing wrong with it. Its pictures are in test-results/, for a person to look at.
 */
export const look = async (t: Test, { page, complaints }: Browser, name: string): Promise<void> => {
  await mkdir(pictures, { recursive: true })
  const faults: string[] = []
  for (const [size, viewport] of Object.entries(sizes)) {
    await page.setViewportSize(viewport)
    faults.push(...(await faultsOf(page)))
    if (!isBlind) await page.screenshot({ path: join(pictures, `${name}-${size}.png`), fullPage: true })
  }
  await page.setViewportSize(narrow)
  faults.push(...(await page.evaluate<string[]>(spacedScript)))
  await page.setViewportSize(sizes.small)
  await page.emulateMedia({ colorScheme: 'dark' })
  faults.push(...(await faultsOf(page)).map(fault => `by night, ${fault}`))
  await page.emulateMedia({ colorScheme: 'light' })
  faults.push(...(await keyboardFaults(page)))
  t.same([...new Set([...faults, ...complaints.splice(0)])], [], `${name}: nothing is wrong with it`)
}

const pictures = join(import.meta.dirname, '../../test-results')
/** If nobody is going to look at the pictures, PICTURES=off. */
const isBlind = process.env.PICTURES === 'off'
const faultsScript = await readFile(join(import.meta.dirname, 'faults.js'), 'utf8')
const faultsOf = (page: Page): Promise<string[]> => page.evaluate(faultsScript)

/** Tab reaches everything that can be used, in order, and shows where it is: https://www.w3.org/TR/WCAG22/#non-text-contrast */
const keyboardFaults = async (page: Page): Promise<string[]> => {
  const expected: string[] = await page.evaluate(`(() => {
    const groups = new Set()
    return [...document.querySelectorAll('a[href], button:not([hidden]), input:not([type=hidden], [hidden]), select, textarea, summary, [tabindex="0"]')]
      .filter(one => {
        if (one.matches(':disabled, details:not([open]) :not(summary), details:not([open]) details *')) return false
        if (one.type !== 'radio') return true
        const group = [...document.getElementsByName(one.name)]
        const entry = group.find(other => other.checked) ?? group[0]
        return one === entry
      })
      .map(one => one.outerHTML)
  })()`)
  await page.evaluate(toTheTop)
  await page.evaluate(noteFocus)
  // Without asking in between: the page itself notes what has the focus.
  await Promise.all(expected.map(() => page.keyboard.press('Tab')))
  const noted = await page.evaluate<readonly { html: string; isMarked: boolean }[]>('noted')
  const came = noted.map(({ html }) => html)
  const hidden = noted
    .filter(({ isMarked }) => !isMarked)
    .map(({ html }) => `${html.slice(0, 100)} hardly shows that it has the focus`)
  const wrong = expected.findIndex((html, index) => html !== came[index])
  if (wrong >= 0)
    hidden.push(`Tab comes to ${came[wrong]?.slice(0, 100)} in the place of ${expected[wrong]?.slice(0, 100)}`)
  await page.evaluate(toTheTop)
  return hidden
}

const noteFocus = `
  if (!globalThis.noted) addEventListener('focusin', ({ target }) => {
    const { outlineStyle, outlineWidth } = getComputedStyle(target)
    const isMarked = outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2 && outlineContrast(target) >= 3 && hasWholeOutline(target)
    noted.push({ html: target.outerHTML, isMarked })
  })
  globalThis.noted = []`

/** Wherever the focus was, even if a page opened with it: the next Tab reaches the first one. */
const toTheTop = `{
  document.body.tabIndex = -1
  document.body.focus()
  document.body.removeAttribute('tabindex')
  getSelection().collapse(document.body, 0)
}`

/** Types, ticks and presses with the keyboard alone: Tab leads to what has the label. */
export const byKeyboard = ({ page }: Pick<Browser, 'page'>) => {
  const goTo = async (label: string | RegExp): Promise<void> => {
    for (let count = 0; count < 100; count++) {
      const name: string = await page.evaluate(`(() => {
        const { activeElement: one } = document
        const texts = (one.labels?.length > 0 ? [...one.labels] : [one]).map(each => each.textContent)
        return (one.getAttribute('aria-label') ?? texts.join(' ')).replace(/\\s+/g, ' ').trim()
      })()`)
      if (typeof label === 'string' ? name === label : label.test(name)) return
      await page.keyboard.press('Tab')
    }
    throw new Error(`Tab comes to nothing that is called ${label} on ${page.url()}`)
  }
  const pressed = async (key: 'Enter' | 'Space'): Promise<void> => {
    const arrived = page.waitForEvent('load')
    await page.keyboard.press(key)
    await arrived
  }
  return {
    type: async (label: string, text: string) => {
      await goTo(label)
      await page.keyboard.press('Control+A')
      await page.keyboard.type(text)
    },
    /** Ticks or unticks. */
    toggle: async (label: string | RegExp) => {
      await goTo(label)
      await page.keyboard.press('Space')
    },
    press: async (label: string | RegExp) => {
      await goTo(label)
      await pressed('Enter')
    },
    /** Sends the form that has the focus. */
    enter: () => pressed('Enter'),
  }
}
