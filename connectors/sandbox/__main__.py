"""`python -m connectors.sandbox --port 8001 --data var/sandbox.json`"""

import argparse
import os
from pathlib import Path

import uvicorn

from connectors.sandbox import serving
from connectors.sandbox.app import Sandbox


def main() -> None:
    parser = argparse.ArgumentParser(description="Local stand-ins for Jobber and Stripe.")
    parser.add_argument("--port", type=int, default=int(os.environ.get("SANDBOX_PORT") or 8001))
    parser.add_argument("--data", type=Path, default=None, help="where the state is kept between runs")
    parser.add_argument(
        "--seed",
        default="demo",
        help="what to fill an empty state with: demo, empty, a number of clients, or of clients and invoices (500+60)",
    )
    asked = parser.parse_args()
    app = Sandbox(os.environ, asked.data, asked.seed).app()
    uvicorn.Server(serving.config(app, asked.port)).run()


if __name__ == "__main__":
    main()
