// SPDX-License-Identifier: MIT
module sealmem

go 1.19
