"""The findings of axe-core on a page in both themes, cheaper than asking it for everything twice.

Most of its time goes into contrasts. Text of one colour and size on one background has one contrast, so of
all elements that look alike one is measured, on all pages together.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import axe_playwright_python

if TYPE_CHECKING:
    from playwright.sync_api import Page

Scheme = Literal["light", "dark"]
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
OF_COLOURS = ["color-contrast", "link-in-text-block"]
# Our style sheet is of our own origin, so that nothing has to be loaded again.
RULES = {
    "preload": False,
    "resultTypes": ["violations"],
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "rules": {rule: {"enabled": False} for rule in OF_COLOURS},
}
COLOURS = {"preload": False, "elementRef": True, "runOnly": {"type": "rule", "values": OF_COLOURS}}
SAID = "({id, nodes}) => nodes.map(({html}) => `${id}: ${html.slice(0, 200)}`)"
FOUND = f"options => axe.run(document, options).then(found => found.violations.flatMap({SAID}))"
# A look is what a contrast depends on: the text's own style, and what is painted beneath it, down to an
# opaque background. Positioned elements may lie above others, so they are alike only with equal ones.
# A look is known once axe-core has judged it. It may leave out the first of several, such as a disabled one;
# then it is asked about all of them.
FOUND_BY_COLOURS = f"""async ([known, options]) => {{
  const lookOf = element => {{
    const {{color, fontSize, fontWeight, textShadow, textDecorationLine}} = getComputedStyle(element)
    const isLarge = parseFloat(fontSize) >= (fontWeight >= 700 ? 18.66 : 24)
    const look = [color, isLarge, textShadow]
    const around = getComputedStyle(element.parentElement).color
    if (element.closest("a")) look.push("a", textDecorationLine, around)
    let isCovered = false
    for (let one = element; one; one = one.parentElement) {{
      const {{backgroundColor, backgroundImage, position, opacity, filter}} = getComputedStyle(one)
      if (!isCovered) look.push(backgroundColor, backgroundImage, position)
      if (opacity + filter !== "1none") look.push(opacity, filter)
      isCovered ||= backgroundColor.startsWith("rgb(") && backgroundImage === "none"
    }}
    return look.filter(one => !["rgba(0, 0, 0, 0)", "none", "static"].includes(one)).join("|")
  }}
  const hasText = element => element.matches("input:not([type=checkbox], [type=radio]), select, textarea")
    || [...element.childNodes].some(node => node.nodeType === Node.TEXT_NODE && node.data.trim())
  const isSeen = element => {{
    const {{right, bottom}} = element.getBoundingClientRect()
    return right > 0 && bottom > 0 && element.checkVisibility({{visibilityProperty: true}})
  }}
  const looks = new Map()
  for (const element of [...document.body.querySelectorAll("*")].filter(hasText).filter(isSeen))
    looks.set(element, lookOf(element))
  const unknown = new Map()
  for (const [element, look] of looks)
    if (!known.includes(look)) unknown.set(look, [...unknown.get(look) ?? [], element])
  const found = []
  const judge = async elements => {{
    if (!elements.length) return
    const {{violations, passes, incomplete}} = await axe.run({{include: elements}}, options)
    found.push(...violations.flatMap({SAID}))
    const onGradients = incomplete.flatMap(({{nodes}}) => nodes)
      .filter(({{any}}) => any.some(({{data}}) => data?.messageKey === "bgGradient"))
    for (const {{element}} of [...passes.flatMap(({{nodes}}) => nodes), ...onGradients]) {{
      known.push(looks.get(element))
      unknown.delete(looks.get(element))
    }}
  }}
  await judge([...unknown.values()].map(([first]) => first))
  await judge([...unknown.values()].flatMap(([first, ...others]) => others))
  return [found, known.filter(Boolean)]
}}"""


class Auditor:
    """Asks axe-core about pages; remembers which looks it has judged."""

    def __init__(self) -> None:
        self._known: dict[Scheme, list[str]] = {"light": [], "dark": []}

    def problems(self, page: "Page") -> list[str]:
        """Return the rules that the page in a tab breaks, each with the element that breaks it.

        The tab needs AXE as an init script: it is sent to the browser once, not with each page.
        """
        structure: list[str] = page.evaluate(FOUND, RULES)
        return [*structure, *self._of_colours(page, "light"), *self._of_colours(page, "dark")]

    def _of_colours(self, page: "Page", scheme: Scheme) -> list[str]:
        page.emulate_media(color_scheme=scheme)
        found: list[str]
        found, self._known[scheme] = page.evaluate(FOUND_BY_COLOURS, [self._known[scheme], COLOURS])
        return found
