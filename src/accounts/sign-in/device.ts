/** The name of a browser in a list of sessions, such as `Firefox on Android`. The User-Agent itself is not stored. */
export const deviceOf = (userAgent: string | undefined): string => {
  const named = (table: readonly (readonly [string, RegExp])[]) => table.find(([, at]) => at.test(userAgent ?? ''))?.[0]
  const [browser, system] = [named(browsers), named(systems)]
  if (browser === undefined) return system === undefined ? unknownDevice : `${anyBrowser} on ${system}`
  return system === undefined ? browser : `${browser} on ${system}`
}

export const unknownDevice = 'Unknown browser'
export const anyBrowser = 'Browser'

/** Browsers also name others that they are like, so the first match counts. */
const browsers = [
  ['Edge', /\bEdg(e|A|iOS)?\//],
  ['Opera', /\bOPR\//],
  ['Samsung Internet', /\bSamsungBrowser\//],
  ['Firefox', /\b(Firefox|FxiOS)\//],
  ['Chrome', /\b(Chrome|CriOS|Chromium|HeadlessChrome)\//],
  ['Safari', /\bSafari\//],
] as const

const systems = [
  ['iPhone', /\biPhone\b/],
  ['iPad', /\biPad\b/],
  ['Android', /\bAndroid\b/],
  ['Windows', /\bWindows\b/],
  ['Mac', /\bMac(intosh| OS X)\b/],
  ['ChromeOS', /\bCrOS\b/],
  ['Linux', /\bLinux\b/],
] as const
