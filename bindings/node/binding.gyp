# SPDX-License-Identifier: MIT
# Builds the addon beside index.js, for npm and node-gyp. The library has to be installed: pkg-config finds it.
{
    "targets": [
        {
            "target_name": "sealmem",
            "sources": ["heap.c", "module.c", "publish.c", "region.c", "values.c"],
            "cflags": ["-fvisibility=hidden", "<!@(pkg-config --cflags sealmem)"],
            "libraries": ["<!@(pkg-config --libs sealmem)"],
        },
        {
            "target_name": "beside",
            "type": "none",
            "dependencies": ["sealmem"],
            "copies": [{"files": ["<(PRODUCT_DIR)/sealmem.node"], "destination": "<(module_root_dir)"}],
        },
    ]
}
