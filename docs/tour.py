"""The main path with `grainline token` and the API alone: order, book, fetch the QR picture, scan twice."""

import io
import subprocess
import sys
from datetime import datetime
from os import environ
from pathlib import Path
from uuid import uuid4
from zoneinfo import ZoneInfo

import httpx
import zxingcpp
from PIL import Image

MEMBER = sys.argv[1] if len(sys.argv) > 1 else "M0000001"
API = f"http://127.0.0.1:{environ.get('PORT', '8000')}/api/v1"


def sign_in(*who: str) -> httpx.Client:
    command = [str(Path(sys.executable).with_name("grainline")), "token", *who]
    token = subprocess.check_output(command, text=True).split()[-1]
    headers = {"Authorization": f"Bearer {token}", "Accept-Language": "en"}
    return httpx.Client(base_url=API, headers=headers, trust_env=False)


def call(person: httpx.Client, method: str, path: str, **more: object) -> httpx.Response:
    answer = person.request(method, path, **more)
    print(f"{method} {path} -> {answer.status_code}")
    return answer if answer.is_success else sys.exit(answer.text)


member, clerk = sign_in("member", MEMBER), sign_in("staff", "clerk-xjk")

campaigns = call(member, "GET", "/campaigns?status=open").json()["items"]
campaign = next(one for one in campaigns if "当日领取" in one["title"])  # "to be collected the same day"
offer = campaign["offers"][0]
print(f"  {campaign['title']}: {offer['remaining']} of {offer['quota']} left\n")

key = {"Idempotency-Key": str(uuid4())}
order = call(member, "POST", "/orders", json={"offer_id": offer["id"]}, headers=key).json()
print(f"  order {order['number']} is {order['status']}\n")

now = datetime.now(ZoneInfo("Asia/Shanghai"))
slots = call(member, "GET", f"/campaigns/{campaign['id']}/slots?on={now.date()}").json()["items"]
slot = next(one for one in slots if datetime.fromisoformat(one["ends_at"]) > now)
order = call(member, "PUT", f"/orders/{order['id']}/slot", json={"slot_id": slot["id"]}).json()
print(f"  order {order['number']} is {order['status']} from {order['slot']['starts_at']}\n")

picture = call(member, "GET", f"/orders/{order['id']}/code.png").content
code = zxingcpp.read_barcodes(Image.open(io.BytesIO(picture)))[0].text
print(f"  {len(picture)} bytes of PNG, which say {code[:32]}…\n")

for _ in range(2):
    scan = {"event_id": str(uuid4()), "code": code, "pickup_point_id": order["pickup_point_id"]}
    answer = call(clerk, "POST", "/redemptions", json=scan).json()
    print(f"  {answer['result']}, reason: {answer['reason']}, collected at {answer['redeemed_at']}\n")
