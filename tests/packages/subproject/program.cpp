/* SPDX-License-Identifier: MIT */
/* As program.c, for the header of C++. */
#include <sealmem.hpp>

#include <cstring>
#include <system_error>

int main()
{
	std::error_code error;
	auto region = sealmem::region::from("installed", "abc", 4, sealmem::content, error);

	return error || std::strcmp(static_cast<const char *>(region.address()), "abc") != 0;
}
