/** The event that the theme sends when the router has come to another address, by a link, Back or Forward. */
export const addressChanged = 'hbnn:address';
/** The event that the theme sends when the router is about to leave an address by a link. */
export const addressLeft = 'hbnn:address-left';

/** The site answers to a page's path with and without its ending. */
export const pageOf = (path: string): string => path.replace(/\.html$/, '');
