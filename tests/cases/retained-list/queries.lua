-- SPDX-License-Identifier: MIT
-- wrk asks for another word each time.
local query = 0

function request()
	query = query + 1
	return wrk.format("GET", "/search?q=" .. query)
end
