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
AID, KIND, LIFE_CYCLE, LOCKED, LOCK, DELETE, KEY_SET, RESULT = 1, 2, 3, 9, 10, 15, 20, 23


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

    def open(self, obj, times=5):
        """The page of an object; again while the device is not there yet."""
        for _ in range(times):
            self.driver.get("about:blank")
            self.driver.get(f"{self.base}/{obj}")
            if self.until(lambda: self.button(f"Create Instance /{obj}")
                          or self.driver.find_elements(By.CSS_SELECTOR,
                                                       "main .v-expansion-panel"), 8):
                return
        raise AssertionError(f"the page does not show object {obj}")

    @staticmethod
    def until(test, seconds=15):
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

    def dialog(self, text, button):
        """Fills the dialog's last text field, and presses its button."""
        box = self.until(lambda: self.driver.find_element(By.CSS_SELECTOR, ".v-dialog--active"))
        fields = box.find_elements(By.CSS_SELECTOR, "textarea, input[type=text]")
        self.driver.execute_script(
            "arguments[0].value = arguments[1];"
            "arguments[0].dispatchEvent(new Event('input'))", fields[-1], text)
        next(b for b in box.find_elements(By.TAG_NAME, "button")
             if b.text.strip().upper() == button).click()
        self.until(lambda: not self.driver.find_elements(By.CSS_SELECTOR, ".v-dialog--active"))

    def rows(self):
        """{path: what the page shows at its right end}"""
        found = {}
        for row in self.driver.find_elements(By.CSS_SELECTOR,
                                             "main .v-expansion-panel-header .row"):
            cells = [c.text.strip() for c in row.find_elements(By.XPATH, "./div")]
            path = next((c for c in cells if c.startswith("/")), None)
            if path:
                found[path] = cells[-1]
        return found

    def read(self, obj, instance):
        """The instance by its R button, as the page shows it afterwards."""
        self.click(f"Read /{obj}/{instance}")
        time.sleep(0.7)
        return self.rows()

    def picture(self, name):
        self.driver.save_screenshot(os.path.join(self.folder, f"leshan-{name}.png"))

    def instances(self, obj):
        titles = [b.get_attribute("title") for b in
                  self.driver.find_elements(By.CSS_SELECTOR, 'button[title^="Read /"]')]
        paths = [t.split()[1].strip("/").split("/") for t in titles]
        return sorted({int(p[1]) for p in paths if len(p) == 2 and int(p[0]) == obj})

    def settled(self, obj, instance, rid, test):
        """Reads the instance again and again until test holds for a resource."""
        return self.until(lambda: (v := self.read(obj, instance)) and test(
            v.get(f"/{obj}/{instance}/{rid}", "")) and v, 30)


def main():
    port, cap, folder = sys.argv[1:4]
    with open(cap, "rb") as f:
        package = f.read()
    page = Page(port, folder)
    try:
        page.open(26243)
        isd = page.instances(26243)[0]
        page.click(f"Write /26243/{isd}/{KEY_SET}")
        page.dialog("isd", "WRITE")
        shown = page.settled(26243, isd, LIFE_CYCLE, bool)
        tap(bool(shown), "the issuer's domain, with its key set",
            shown and f"life cycle {shown[f'/26243/{isd}/{LIFE_CYCLE}']}")

        page.open(9)
        page.click("Create Instance /9")
        box = page.until(lambda: page.driver.find_element(By.CSS_SELECTOR, ".v-dialog--active"))
        next(b for b in box.find_elements(By.TAG_NAME, "button")
             if b.text.strip().upper() == "CREATE").click()
        number = page.until(lambda: page.open(9) or page.instances(9))
        tap(bool(number), "Create of an instance of object 9", str(number))
        where = f"/9/{number[0]}"
        page.click(f"Write {where}/{PACKAGE}")
        page.dialog(package.hex(), "WRITE")
        shown = page.settled(9, number[0], STATE, lambda v: v.startswith("3"))
        tap(bool(shown), f"Write of a package of {len(package)} bytes: delivered")
        page.click(f"Execute with params {where}/{INSTALL}")
        page.dialog("0='isd'", "OK")
        shown = page.settled(9, number[0], STATE, lambda v: v.startswith("4"))
        tap(bool(shown), "Execute Install: installed", shown and shown[f"{where}/{REASON}"])
        page.picture("package")

        page.open(26243)
        app = None
        for i in page.instances(26243):
            shown = page.settled(26243, i, KIND, bool)
            if shown and shown[f"/26243/{i}/{KIND}"].startswith("2"):
                app = i
        tap(app is not None, "the application is an instance of object 26243", str(app))
        page.click(f"Execute /26243/{app}/{LOCK}")
        shown = page.settled(26243, app, LOCKED, lambda v: v.lower().startswith("true"))
        tap(bool(shown), "Execute Lock: it is locked",
            shown and f"life cycle {shown[f'/26243/{app}/{LIFE_CYCLE}']}")
        page.picture("locked")
        page.click(f"Execute /26243/{app}/{DELETE}")
        shown = page.settled(26243, app, RESULT, lambda v: v.startswith("ok"))
        tap(bool(shown), "Execute Delete: it is gone from the card")
        page.picture("deleted")
    except (AssertionError, WebDriverException, IndexError, StopIteration) as e:
        tap(False, "the walk goes on", repr(e)[:300])
        page.picture("failed")
    finally:
        page.driver.quit()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
