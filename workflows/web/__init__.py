"""The page a layperson uses: talk, click, edit, undo, in a browser.

    page.py      what is on it: Gradio's chat beside our picture
    stage.py     the picture with what was found on it, as a Gradio component; its HTML, CSS and JavaScript in static/
    view.py      a conversation as the page draws it
    hands.py     what clicks and buttons mean, as tool calls
    rooms.py     the conversations that are open, and their limits
    previews.py  pictures as a browser gets them
    downloads.py what a person takes home
    routes.py    the addresses of pictures, downloads and uploads
    guard.py     who may ask
    server.py    all of it as one server

The language model, the tools and the memory are those of every other face of askmask. gradio is imported nowhere else.
"""
