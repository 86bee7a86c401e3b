/** What a country, by its code in ISO 3166-1, is called in a language. */
export const countryName = (country: string, language: string): string =>
  new Intl.DisplayNames([language], { type: 'region' }).of(country) ?? country
