// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Deal} from "./Deal.sol";
import {ISettlementToken} from "../../../contracts/interfaces/ISettlementToken.sol";

// SettlementToken
// ├── mint    when the caller did not deploy it    reverts NotDeployer
// └── two decimals, and a permit's domain of its own name
contract SettlementTokenTest is Deal {
    function test_its_deployer_mints() public {
        vm.assertEq(token.deployer(), address(this), "deployer");
        vm.expectRevert(abi.encodeWithSelector(ISettlementToken.NotDeployer.selector, grower.account));
        vm.prank(grower.account);
        token.mint(grower.account, 1);
        token.mint(grower.account, 1);
        vm.assertEq(token.totalSupply(), 1, "supply");
    }

    function test_it_counts_in_cents() public view {
        vm.assertEq(token.decimals(), 2, "decimals");
        vm.assertEq(token.symbol(), "XTS", "symbol");
        (, string memory name,,,,,) = token.eip712Domain();
        vm.assertEq(name, "SettlementToken", "domain");
    }
}
