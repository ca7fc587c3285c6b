/** In the page, in place of what makes links of plain text: the parser makes one when it begins, and CommonMark never asks it. */
export class LinkifyIt {}
