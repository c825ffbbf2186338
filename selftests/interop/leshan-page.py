#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A person at the web page of the Leshan demo server, in Chromium: a package is written
and installed, an application locked and deleted, by clicks. Prints TAP; run in
in-browser, with leshan.sh's server and a device on it.

    leshan-page.py HTTP-PORT CAP-FILE FOLDER-FOR-SCREENSHOTS
"""

import os
import sys
import time

from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from tap import tap  # noqa: E402

PACKAGE, INSTALL, STATE, REASON = 2, 4, 7, 16
KIND, LIFE_CYCLE, LOCKED, LOCK, DELETE, KEY_SET, RESULT, JOB = 2, 3, 9, 10, 15, 20, 23, 28
PATIENCE = 120  # seconds, where something has to come; it costs nothing when it does


class Page:
    """The page of one device."""

    def __init__(self, port, folder):
        options = Options()
        for a in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1500,1700",
                  "--user-data-dir=/tmp/chromium"):
            options.add_argument(a)
        self.driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
        self.base = f"http://127.0.0.1:{port}/#/clients/sesame-test"
        self.folder = folder
        self.driver.get(self.base)
        # how long the page lets the device take: 5 minutes of its list, not 5 s
        self.driver.execute_script("window.localStorage.setItem('timeout', '300')")

    def open(self, obj):
        """The page of an object; again while the device is not there yet. What it has shown
        before is forgotten."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            self.driver.get("about:blank")
            self.driver.get(f"{self.base}/{obj}")
            if self.until(lambda: self.button(f"Create Instance /{obj}")
                          or self.driver.find_elements(By.CSS_SELECTOR,
                                                       "main .v-expansion-panel"), 8):
                return
        raise AssertionError(f"the page does not show object {obj}")

    @staticmethod
    def until(test, seconds=PATIENCE):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                if value := test():
                    return value
            except WebDriverException:
                pass
            time.sleep(0.1)
        return None

    def button(self, title):
        found = self.driver.find_elements(By.CSS_SELECTOR, f'button[title="{title}"]')
        return found[0] if found else None

    def click(self, title):
        """As a person does, but for what lies over a button for a moment."""
        b = self.until(lambda: self.button(title))
        if b is None:
            raise AssertionError(f"no button {title!r} on {self.driver.current_url}")
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", b)
        self.driver.execute_script("arguments[0].click()", b)

    def dialog(self, button, text=None):
        """Fills the dialog's last text field, if there is something to say, and presses its
        button. While the dialog comes up neither is there, and the button has no text."""
        active = (By.CSS_SELECTOR, ".v-dialog--active")

        def fill():
            fields = self.driver.find_element(*active).find_elements(
                By.CSS_SELECTOR, "textarea, input[type=text]")
            if fields:
                self.driver.execute_script(
                    "arguments[0].value = arguments[1];"
                    "arguments[0].dispatchEvent(new Event('input'))", fields[-1], text)
            return bool(fields)

        def press():
            found = [b for b in self.driver.find_element(*active).find_elements(
                By.TAG_NAME, "button") if b.text.strip().upper() == button and b.is_enabled()]
            if found:
                found[0].click()
            return bool(found)

        if text is not None and not self.until(fill):
            raise AssertionError(f"no dialog with a text field, for {text[:40]!r}")
        if not self.until(press):
            raise AssertionError(f"no button {button!r} in a dialog")
        if not self.until(lambda: not self.driver.find_elements(*active)):
            raise AssertionError(f"the dialog stays after {button!r}")

    def rows(self):
        """{path: what the page shows at its right end}; in one question, as there are many."""
        rows = self.driver.execute_script(
            "return Array.from(document.querySelectorAll('main .v-expansion-panel-header .row'),"
            " row => Array.from(row.children, cell => cell.innerText.trim()))")
        return {path: cells[-1] for cells in rows
                if (path := next((c for c in cells if c.startswith("/")), None))}

    def read(self, obj, instance):
        """The instance by its R button, as the page shows it afterwards."""
        self.click(f"Read /{obj}/{instance}")
        time.sleep(0.7)
        return self.rows()

    def picture(self, name):
        self.driver.save_screenshot(os.path.join(self.folder, f"leshan-{name}.png"))

    def instances(self, obj):
        titles = self.driver.execute_script(
            "return Array.from(document.querySelectorAll('button[title^=\"Read /\"]'), b => b.title)")
        paths = [t.split()[1].strip("/").split("/") for t in titles]
        return sorted({int(p[1]) for p in paths if len(p) == 2 and int(p[0]) == obj})

    def settled(self, obj, instance, rid, test):
        """Reads the instance again and again until test holds for a resource. The page keeps
        showing a resource that the device has no more: see open()."""
        seen = []

        def read():
            seen.append(self.read(obj, instance))
            return test(seen[-1].get(f"/{obj}/{instance}/{rid}", "")) and seen[-1]

        if not (found := self.until(read)):
            print(f"# /{obj}/{instance} shows at last {seen[-1:]}")
        return found


def main():
    port, cap, folder = sys.argv[1:4]
    with open(cap, "rb") as f:
        package = f.read()
    page = Page(port, folder)
    try:
        page.open(26243)
        isd = (page.until(lambda: page.instances(26243)) or [0])[0]
        page.click(f"Write /26243/{isd}/{KEY_SET}")
        page.dialog("WRITE", "isd")
        shown = page.settled(26243, isd, LIFE_CYCLE, bool)
        tap(bool(shown), "the issuer's domain, with its key set",
            shown and f"life cycle {shown[f'/26243/{isd}/{LIFE_CYCLE}']}")

        page.open(9)
        page.click("Create Instance /9")
        page.dialog("CREATE")
        number = page.until(lambda: page.open(9) or page.instances(9)) or []
        tap(bool(number), "Create of an instance of object 9", str(number))
        where = f"/9/{number[0]}"
        page.click(f"Write {where}/{PACKAGE}")
        page.dialog("WRITE", package.hex())
        shown = page.settled(9, number[0], STATE, lambda v: v.startswith("3"))
        tap(bool(shown), f"Write of a package of {len(package)} bytes: delivered")
        page.click(f"Execute with params {where}/{INSTALL}")
        page.dialog("OK", "0='isd'")
        shown = page.settled(9, number[0], STATE, lambda v: v.startswith("4"))
        tap(bool(shown), "Execute Install: installed", shown and shown[f"{where}/{REASON}"])
        page.picture("package")

        def application():
            page.open(26243)
            return [i for i in page.instances(26243)
                    if (shown := page.settled(26243, i, KIND, bool))
                    and shown[f"/26243/{i}/{KIND}"].startswith("2")]

        apps = page.until(application) or []
        tap(bool(apps), "the application is an instance of object 26243", str(apps))
        app = apps[0]
        page.click(f"Execute /26243/{app}/{LOCK}")
        shown = page.settled(26243, app, LOCKED, lambda v: v.lower().startswith("true"))
        tap(bool(shown), "Execute Lock: it is locked",
            shown and f"life cycle {shown[f'/26243/{app}/{LIFE_CYCLE}']}")
        page.picture("locked")
        locking = shown and shown[f"/26243/{app}/{JOB}"]
        page.click(f"Execute /26243/{app}/{DELETE}")
        page.settled(26243, app, JOB, lambda v: v and v != locking)

        def gone():  # a new page: this one would go on showing what the card has no more
            page.open(26243)
            shown = page.settled(26243, app, RESULT, bool)
            return (shown and shown[f"/26243/{app}/{RESULT}"].startswith("ok")
                    and not shown[f"/26243/{app}/{LIFE_CYCLE}"] and shown)

        shown = page.until(gone)
        tap(bool(shown), "Execute Delete: it is gone from the card",
            shown and f"job {shown[f'/26243/{app}/{JOB}']} after {locking}")
        page.picture("deleted")
    except (AssertionError, WebDriverException, LookupError) as e:
        tap(False, "the walk goes on", repr(e)[:300])
        page.picture("failed")
    finally:
        page.driver.quit()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
