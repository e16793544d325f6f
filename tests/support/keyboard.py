"""A keyboard and no mouse; whoever uses it sees where the focus is, and is stuck nowhere."""

from __future__ import annotations

from dataclasses import dataclass

from playwright.sync_api import Locator, Page, expect

MOST_TABS = 60
"""How often somebody presses Tab at most until they are where they wanted to go."""

LISTEN = """() => {
    for (const kind of ['pointerdown', 'mousedown', 'touchstart']) {
        addEventListener(kind, event => event.isTrusted && console.error(`A ${kind}.`), true);
    }
}"""

FOCUS = """() => {
    let found = document.activeElement;
    while (found?.shadowRoot?.activeElement) {
        found = found.shadowRoot.activeElement;
    }
    const current = document.getElementById(found?.getAttribute('aria-activedescendant'));
    const marked = [found, current].some(element => {
        if (!element?.checkVisibility()) {
            return false;
        }
        const style = getComputedStyle(element);
        const outlined = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0;
        return outlined || style.boxShadow !== 'none';
    });
    const ours = found?.closest('[class*=lbd-]') != null && found.localName !== 'iframe';
    return { ours, marked, html: found?.outerHTML.slice(0, 100) ?? '' };
}"""

HAS_FOCUS = """element => {
    let found = document.activeElement;
    while (found && !element.contains(found)) {
        found = found.shadowRoot?.activeElement;
    }
    return found != null;
}"""


@dataclass
class Keyboard:
    """The keys of one window."""

    page: Page

    def __post_init__(self) -> None:
        """A mouse would be heard from now on, as a complaint of the page."""
        self.page.context.add_init_script(f"({LISTEN})()")

    def press(self, *keys: str) -> None:
        """One after the other, as Playwright names them."""
        for key in keys:
            self.page.keyboard.press(key)

    def write(self, text: str) -> None:
        """Type where the focus is."""
        self.page.keyboard.type(text)

    def command(self, label: str) -> None:
        """Run a command by the palette."""
        self.press("Control+Shift+C")
        palette = self.page.locator(".jp-ModalCommandPalette")
        expect(palette.locator(":focus")).to_have_count(1)
        self.write(label)
        expect(palette.locator(".lm-mod-active")).to_contain_text(label)
        self.press("Enter")
        expect(palette).to_be_hidden()

    def go_to(self, target: Locator, key: str = "Tab") -> None:
        """Press Tab, or Shift+Tab, until the focus is there, and see it on the way."""
        expect(target).to_be_visible()
        passed: list[str] = []
        for _ in range(MOST_TABS):
            if target.evaluate(HAS_FOCUS):
                return
            self.press(key)
            passed.append(self.seen_focus())
        raise AssertionError("\n".join([f"{key} does not lead to {target}, but to", *passed]))

    def choose(self, button: Locator) -> None:
        """Go to a button, and press it."""
        self.go_to(button)
        self.press("Enter")

    def choose_item(self, label: str) -> None:
        """Go down the menu that is open, to an item, and choose it."""
        menu = self.page.locator(".lm-Menu")
        expect(menu).to_be_focused()
        chosen = menu.locator(".lm-mod-active", has_text=label)
        for _ in range(menu.get_by_role("menuitem").count()):
            self.press("ArrowDown")
            if chosen.count():
                return self.press("Enter")
        raise AssertionError(f"There is no {label} to be chosen in the menu.")

    def go_to_tool(self, within: Locator, name: str, key: str = "Tab") -> None:
        """Go to a toolbar, which Tab leads to once, and by the arrow keys to a button of it."""
        toolbar = within.locator("jp-toolbar")
        self.go_to(toolbar, key)
        self.go_to(toolbar.get_by_role("button", name=name), "ArrowRight")

    def seen_focus(self) -> str:
        """What has the focus; in Labdock's own parts it is marked."""
        found = self.page.evaluate(FOCUS)
        assert found["marked"] or not found["ours"], f"Nobody sees the focus on {found['html']}"
        return str(found["html"])
