/** The decimal number that is meant by a figure reckoned in floating point, in which the mean of 60.3 and 60.4 is 60.349999999999994. */
export const exactDecimal = (figure: number): number => Number(figure.toPrecision(12))
